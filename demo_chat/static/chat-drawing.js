// @ts-check
/** A signature as its verifier walks it: from the digits of the digest up the chains, then up the tree to the root. */
import { el, svg } from "./chat-dom.js";
import { hex } from "./chat-protocol.js";

const WIDTH = 400, ROW = 33, BOX = [92, 20], LEFT = 110, RIGHT = 290, MIDDLE = 200, TOP = 34;
const PLACE = 6, EDGE = 24; // height of a chain's place; left and right of the chains

/** @typedef {import("./hbss-explain.js").Explanation} Explanation */

/** @param {Explanation} found */
export function drawing(found) {
  const tree = TOP + found.height * ROW, chains = tree + 84, foot = chains + (found.last + 1) * PLACE;
  const title = `${found.chains.length} hash chains lead to leaf ${found.leaf}, and ${found.height} hashes of ` +
    `neighbours from there to the root, which is ${found.fits ? "" : "not "}that of the session key`;
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${foot + 40}`, role: "img", "aria-label": title, class: "drawing" },
    ...paintTree(found, tree), ...paintKey(found, tree), ...paintChains(found, chains, foot));
}

/** @param {Explanation} found @param {number} foot where the leaf is */
function paintTree({ path, root, fits, height }, foot) {
  const place = (/** @type {number} */ level) => ({
    x: level === height ? MIDDLE : path[level].right ? RIGHT : LEFT, y: foot - level * ROW,
  });
  const title = fits ? "root = the session key’s ✓" : "root ≠ the session key’s ✗";
  const parts = [label(MIDDLE, 14, title, "d-title")];
  path.forEach(({ node, sibling }, level) => {
    const own = place(level), above = place(level + 1), other = WIDTH - own.x;
    parts.push(line(other, own.y, above, "d-line"), line(own.x, own.y, above, "d-line d-way"),
      box(other, own.y, sibling, "d-given", `level ${level}, neighbour, from the signature`),
      box(own.x, own.y, node, "d-computed", level ? `level ${level}, computed` : "the leaf"),
      label(8, own.y + 4, String(level), "d-level"));
  });
  return [...parts, box(MIDDLE, foot - height * ROW, root, "d-computed", "the root")];
}

/** K, between chains and leaf. @param {Explanation} found @param {number} tree */
function paintKey({ oneTimeKey, path, chains }, tree) {
  const leaf = path[0].right ? RIGHT : LEFT, y = tree + 38;
  return [line(MIDDLE, y, { x: leaf, y: tree }, "d-line d-way"),
    svg("path", { d: `M${EDGE} ${y + 40}L${MIDDLE} ${y + 10}L${WIDTH - EDGE} ${y + 40}Z`, class: "d-fan" }),
    box(MIDDLE, y, oneTimeKey, "d-computed", `K, the hash of all ${chains.length} ends`),
    label(MIDDLE + 54, y + 4, `K = H(${chains.length} ends)`, "d-note")];
}

/** @param {Explanation} found @param {number} top @param {number} foot */
function paintChains({ chains, last }, top, foot) {
  const step = (WIDTH - 2 * EDGE) / chains.length, wide = step - 1;
  const parts = chains.flatMap(({ digit, checksum, value, end, steps }, i) => {
    const x = EDGE + i * step, at = foot - (digit + 1) * PLACE;
    const rect = (/** @type {number} */ y, /** @type {number} */ height, /** @type {string} */ kind) =>
      svg("rect", { x, y, width: wide, height: Math.max(0, height), class: kind });
    const what = `chain ${i}${checksum ? " of the checksum" : ""}`;
    return svg("g", {}, svg("title", {}, `${what}: ${hex(value)} at place ${digit}, ${steps} steps to ${hex(end)}`),
      rect(top, at - top, "d-walked"), rect(at, PLACE, checksum ? "d-value d-sum" : "d-value"),
      rect(at + PLACE, foot - at - PLACE, "d-hidden"),
      label(x + wide / 2, foot + 9, digit.toString(16), "d-digit"));
  });
  return [...parts, label(12, top + 6, String(last), "d-level"), label(12, foot, "0", "d-level"),
    label(EDGE, foot + 28, "digits of the digest Q, and 3 of its checksum", "d-foot")];
}

/** @param {number} x @param {number} y @param {string} text @param {string} kind */
function label(x, y, text, kind) {
  return svg("text", { x, y, class: kind }, text);
}

/** @param {number} x @param {number} y @param {{x: number, y: number}} to @param {string} kind */
function line(x, y, to, kind) {
  const half = BOX[1] / 2, middle = (y + to.y) / 2;
  return svg("path", { d: `M${x} ${y - half}C${x} ${middle} ${to.x} ${middle} ${to.x} ${to.y + half}`, class: kind });
}

/** A hash. @param {number} x @param {number} y @param {Uint8Array} hash @param {string} kind @param {string} what */
function box(x, y, hash, kind, what) {
  const [width, height] = BOX, digits = hex(hash);
  return svg("g", { class: kind }, svg("title", {}, `${what}: ${digits}`),
    svg("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: 4 }),
    label(x, y + 3.5, `${digits.slice(0, 10)}…`, "d-hash"));
}

/** Every hash of it, as text. @param {Explanation} found */
export function hashes(found) {
  const { randomizer, digest, chains, oneTimeKey, leafNode, path, root } = found;
  /** @type {[string, string][]} */
  const rows = [["randomizer C", hex(randomizer)], ["digest Q", hex(digest)]];
  chains.forEach(({ digit, value, end }, i) => rows.push([`chain ${i}, place ${digit}`, hex(value)],
    [`chain ${i}, end`, hex(end)]));
  rows.push(["one-time key K", hex(oneTimeKey)], ["leaf", hex(leafNode)]);
  path.forEach(({ right, sibling, parent }, level) => rows.push(
    [`neighbour on the ${right ? "left" : "right"}, level ${level}`, hex(sibling)],
    [level + 1 < path.length ? `node of level ${level + 1}` : "root", hex(parent)]));
  if (!found.fits) rows.push(["root of the session key", hex(found.expected)], ["root computed", hex(root)]);
  return el("table", { class: "hashes" }, el("tbody", {}, ...rows.map(([what, digits]) =>
    el("tr", {}, el("th", { scope: "row" }, what), el("td", {}, el("code", {}, digits))))));
}
