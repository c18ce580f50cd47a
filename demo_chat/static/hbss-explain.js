// @ts-check
/** What a verifier does with an LMS signature, step by step and with every hash: all that a picture of it needs. */
import { equal, join, u32 } from "./hbss-bytes.js";
import { InvalidSignature } from "./hbss-errors.js";
import { Key } from "./hbss-expanded.js";

const D_PUBLIC = 0x8080, D_LEAF = 0x8282; // RFC 8554, sections 4.3 and 5.3

/** @typedef {import("./hbss-core.js").Core} Core */
/** @typedef {import("./hbss-core.js").Row} Row */
/**
 * One Winternitz chain. The signer walked from the secret value at place 0 to `digit`, where `value` lies; the verifier
 * walks the `steps` that are left, to `end` at the last place.
 * @typedef {{digit: number, checksum: boolean, value: Uint8Array, steps: number, end: Uint8Array}} Chain
 */
/**
 * One level of the Merkle path: `node` goes with its neighbour `sibling`, which the signature contains, into `parent`;
 * `right`: the node is the right one of the two.
 * @typedef {{right: boolean, node: Uint8Array, sibling: Uint8Array, parent: Uint8Array}} Level
 */
/**
 * @typedef {object} Explanation
 * @property {string} set
 * @property {number} leaf from the left, of 2^height: q
 * @property {number} height of the tree
 * @property {number} last the last place of a chain, w - 1
 * @property {Uint8Array} randomizer C
 * @property {Uint8Array} digest Q, the hash of randomiser and message, whose digits are signed
 * @property {Chain[]} chains first those of the digest's digits, then those of the checksum's
 * @property {Uint8Array} oneTimeKey K, the hash of all chain ends
 * @property {Uint8Array} leafNode the hash of K
 * @property {Level[]} path from the leaf up
 * @property {Uint8Array} root that the path leads to
 * @property {Uint8Array} expected the root in the public key
 * @property {boolean} fits whether the two are one: whether the signature is good
 */

/**
 * What leads from an LMS signature of one level to its root. A signature of another message is explained as well, and
 * does not fit; one that is malformed is an InvalidSignature, and other keys than LMS keys of one level a RangeError.
 * @param {Core} core @param {Uint8Array} publicKey in HSS form
 * @param {Uint8Array} message @param {Uint8Array} signature
 * @returns {Explanation}
 */
export function explain(core, publicKey, message, signature) {
  return core.within((room) => {
    const key = Key.fromPublic(core, room, "LMS", null, publicKey), { row } = key;
    if (key.levels !== 1) throw new RangeError(`this key has ${key.levels} levels; only LMS keys of one are explained`);
    const id = publicKey.subarray(12, 28), expected = publicKey.slice(28);
    const { leaf, randomizer, values, siblings } = read(key, signature);
    const hash = (/** @type {Uint8Array[]} */ ...parts) => core.hash(row.function, row.n, join(id, ...parts));
    const digest = key.digest(leaf, randomizer, [message]);
    const chains = walk(row, leaf, digits(row, digest), values, hash);
    const oneTimeKey = hash(u32(leaf), u16(D_PUBLIC), ...chains.map((chain) => chain.end));
    const leafNode = hash(u32(2 ** row.h + leaf), u16(D_LEAF), oneTimeKey);
    const path = climb(key, leaf, leafNode, siblings), root = path[path.length - 1].parent;
    return {
      set: row.name, leaf, height: row.h, last: 2 ** row.lgW - 1, randomizer, digest, chains, oneTimeKey, leafNode,
      path, root, expected, fits: equal(root, expected),
    };
  });
}

/**
 * u32(0) || q || LM-OTS type || C || y || LMS type || path (RFC 8554, sections 5.4 and 6.2).
 * @param {Key} key @param {Uint8Array} signature
 */
function read({ row, values }, signature) {
  if (signature.length !== 4 + row.signatureLen) throw new InvalidSignature();
  const numbers = new DataView(signature.buffer, signature.byteOffset), y = 12 + row.n, path = y + values + 4;
  const leaf = numbers.getUint32(4), codes = [numbers.getUint32(8), numbers.getUint32(y + values)];
  if (numbers.getUint32(0) || leaf >= 2 ** row.h || codes[0] !== row.otsCode || codes[1] !== row.code) {
    throw new InvalidSignature();
  }
  const parts = (/** @type {number} */ at, /** @type {number} */ count) =>
    Array.from({ length: count }, (_, i) => signature.slice(at + i * row.n, at + (i + 1) * row.n));
  return {
    leaf, randomizer: signature.slice(12, y), values: parts(y, row.len1 + row.len2), siblings: parts(path, row.h),
  };
}

/**
 * The digest in base w, and the checksum, which grows where a digit shrinks (RFC 8554, section 4.4).
 * @param {Row} row @param {Uint8Array} digest
 */
function digits({ lgW, len1, len2 }, digest) {
  const mask = 2 ** lgW - 1, each = 8 / lgW;
  const found = Array.from({ length: len1 }, (_, i) =>
    (digest[Math.floor(i / each)] >> (lgW * (each - 1 - (i % each)))) & mask);
  const checksum = found.reduce((sum, digit) => sum + mask - digit, 0);
  return [...found, ...Array.from({ length: len2 }, (_, i) => (checksum >> (lgW * (len2 - 1 - i))) & mask)];
}

/**
 * Every chain to its end: x <- H(I || q || number || place || x) (RFC 8554, section 4.6).
 * @param {Row} row @param {number} leaf @param {number[]} places @param {Uint8Array[]} values
 * @param {(...parts: Uint8Array[]) => Uint8Array} hash
 * @returns {Chain[]}
 */
function walk({ lgW, len1 }, leaf, places, values, hash) {
  const last = 2 ** lgW - 1;
  return places.map((digit, i) => {
    let end = values[i];
    for (let place = digit; place < last; place++) end = hash(u32(leaf), u16(i), new Uint8Array([place]), end);
    return { digit, checksum: i >= len1, value: values[i], steps: last - digit, end };
  });
}

/**
 * From the leaf to the root, with its neighbours.
 * @param {Key} key @param {number} leaf @param {Uint8Array} node @param {Uint8Array[]} siblings
 * @returns {Level[]}
 */
function climb(key, leaf, node, siblings) {
  return siblings.map((sibling, level) => {
    const right = ((leaf >> level) & 1) === 1, below = node;
    node = key.parents(0, 0, level + 1, leaf >> (level + 1), right ? join(sibling, node) : join(node, sibling));
    return { right, node: below, sibling, parent: node };
  });
}

/** @param {number} number */
function u16(number) {
  return new Uint8Array([number >>> 8, number]);
}
