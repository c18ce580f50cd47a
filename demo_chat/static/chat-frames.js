// @ts-check
/**
 * What travels: one JSON object a text frame, told apart by its "type", as in demo_chat/wire.py. Binary values are
 * base64 outside and Uint8Arrays inside. What comes is checked here and is exact afterwards; nothing here says whether
 * a signature is good.
 */
import { LEAVES } from "./chat-protocol.js";

/** @typedef {import("./chat-protocol.js").Certificate} Certificate */
/** @typedef {import("./chat-protocol.js").Message} Message */
/** @typedef {(value: any) => any} Read reads a value, or throws Malformed */

/** A frame, or a part of one, that is none of this protocol. */
export class Malformed extends Error {}

/** @param {Uint8Array} data */
function toBase64(data) {
  return btoa(String.fromCharCode(...data));
}

/** @param {object} frame */
export function write(frame) {
  return JSON.stringify(frame, (_, value) => (value instanceof Uint8Array ? toBase64(value) : value));
}

/**
 * The frame in a text; Malformed if it is none. A message or certificate in it that cannot be read is a Malformed in
 * its place, so that one bad message hides no other.
 * @param {unknown} data
 */
export function read(data) {
  if (typeof data !== "string") throw new Malformed("a frame is text, not binary");
  let found;
  try {
    found = JSON.parse(data);
  } catch {
    throw new Malformed("a frame is JSON");
  }
  return FRAME(found);
}

// ---- parts

/** Exactly so many bytes, as base64 that is padded and canonical. @param {number} length @returns {Read} */
const bytes = (length) => (value) => {
  const wrong = new Malformed(`not ${length} bytes of padded, canonical base64`);
  if (typeof value !== "string" || value.length !== 4 * Math.ceil(length / 3)) throw wrong;
  let inside;
  try {
    inside = atob(value);
  } catch {
    throw wrong;
  }
  if (inside.length !== length || btoa(inside) !== value) throw wrong;
  return Uint8Array.from(inside, (character) => character.charCodeAt(0));
};

/** A whole number from 0. @param {number} [end] @returns {Read} */
const number = (end = 2 ** 53) => (value) => {
  if (!Number.isSafeInteger(value) || value < 0 || value >= end) throw new Malformed("not a whole number in its range");
  return value;
};

/** @type {Read} */
const string = (value) => {
  if (typeof value !== "string" || /\p{Cs}/u.test(value)) throw new Malformed("not a text");
  return value;
};

/** @param {Record<string, Read>} shape @returns {Read} */
const object = (shape) => (value) => {
  if (value === null || typeof value !== "object") throw new Malformed("not an object");
  return Object.fromEntries(Object.entries(shape).map(([name, read]) => {
    try {
      return [name, read(Object.hasOwn(value, name) ? value[name] : undefined)];
    } catch (error) {
      throw error instanceof Malformed ? new Malformed(`${name}: ${error.message}`) : error;
    }
  }));
};

/** @param {Read} each @returns {Read} */
const list = (each) => (value) => {
  if (!Array.isArray(value)) throw new Malformed("not a list");
  return value.map(each);
};

/**
 * One of several shapes, which a field names.
 * @param {string} name @param {Record<string, Read>} kinds
 * @returns {Read}
 */
const either = (name, kinds) => (value) => {
  const kind = value?.[name];
  if (typeof kind !== "string" || !Object.hasOwn(kinds, kind)) throw new Malformed(`unknown ${name}`);
  return { [name]: kind, ...kinds[kind](value) };
};

/** The value, or what is wrong with it. @param {Read} read @returns {Read} */
const orMalformed = (read) => (value) => {
  try {
    return read(value);
  } catch (error) {
    if (error instanceof Malformed) return error;
    throw error;
  }
};

const CERTIFICATE = object({
  origin: string, name: string, identity: bytes(32), session: bytes(60), issued: number(), expires: number(),
  signature: bytes(7856),
});
const MESSAGE = object({
  certificate: bytes(32), leaf: number(LEAVES), id: bytes(16), previous: bytes(32), time: number(), text: string,
  signature: bytes(2512),
});
const ENTRY = { sequence: number(), received: number(), message: orMalformed(MESSAGE) };
const PRESENT = { name: string, identity: bytes(32) };
const EVIDENCE = either("kind", {
  message: object({ message: MESSAGE }),
  hello: object({ hello: object({ leaf: number(LEAVES), challenge: bytes(32), signature: bytes(2512) }) }),
});
const FRAME = either("type", {
  challenge: object({ protocol: string, origin: string, room: string, challenge: bytes(32) }),
  welcome: object({
    certificate: bytes(32), online: list(object(PRESENT)), certificates: list(orMalformed(CERTIFICATE)),
    history: list(object(ENTRY)), now: number(),
  }),
  renewed: object({ certificate: bytes(32) }),
  certificate: object({ certificate: orMalformed(CERTIFICATE) }),
  joined: object(PRESENT),
  left: object(PRESENT),
  message: object(ENTRY),
  accepted: object({ id: bytes(16), sequence: number(), received: number() }),
  refused: object({ id: (value) => (value === null ? null : bytes(16)(value)), code: string, detail: string }),
  reuse: object({ certificate: CERTIFICATE, leaf: number(LEAVES), first: EVIDENCE, second: EVIDENCE }),
});
