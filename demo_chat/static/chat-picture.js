// @ts-check
/**
 * A picture of a key, so that another key is seen before it is read: 25 tiles, each one hexadecimal digit of its
 * fingerprint (100 bits), in a colour that two more digits give. The first 20 are the digits that stand beside it.
 */
import { svg } from "./chat-dom.js";

const SIDE = 5, TILE = 10;
// four shapes that look different in each of four positions, as points; the first one has a round side
const SHAPES = [[[0, 0], [10, 0], [0, 10]], [[0, 0], [10, 0], [10, 5], [0, 5]], [[0, 0], [5, 0], [5, 5], [0, 5]],
  [[0, 0], [10, 0], [5, 10]]];

/** @type {Map<string, Element>} */
const drawn = new Map();

/** @param {string} fingerprint in hexadecimal @returns {Node} */
export function picture(fingerprint) {
  if (!drawn.has(fingerprint)) drawn.set(fingerprint, draw(fingerprint));
  return /** @type {Element} */ (drawn.get(fingerprint)).cloneNode(true);
}

/** @param {string} fingerprint */
function draw(fingerprint) {
  const digits = Array.from(fingerprint, (digit) => parseInt(digit, 16)), hue = (digits[25] * 16 + digits[26]) * 1.41;
  const paths = ["", ""], size = SIDE * TILE;
  digits.slice(0, SIDE * SIDE).forEach((digit, i) => {
    paths[(digit >> 2) & 1] += tile(digit >> 2, digit & 3, (i % SIDE) * TILE, Math.floor(i / SIDE) * TILE);
  });
  return svg("svg", { viewBox: `0 0 ${size} ${size}`, class: "identicon", "aria-hidden": "true" },
    svg("rect", { width: size, height: size, fill: `hsl(${hue} 45% 90%)` }),
    svg("path", { d: paths[0], fill: `hsl(${hue} 60% 36%)` }),
    svg("path", { d: paths[1], fill: `hsl(${hue + 50} 55% 52%)` }));
}

/** @param {number} shape @param {number} turns of 90 degrees @param {number} left @param {number} top */
function tile(shape, turns, left, top) {
  const points = SHAPES[shape].map(([x, y]) => {
    for (let i = 0; i < turns; i++) [x, y] = [TILE - y, x];
    return `${left + x} ${top + y}`;
  });
  const [first, second, ...rest] = points;
  return `M${first}L${second}` + rest.map((point) => (shape ? `L${point}` : `A10 10 0 0 1 ${point}`)).join("") + "Z";
}
