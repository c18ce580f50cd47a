// @ts-check
/**
 * hbss in JavaScript: the C core of the Python package as a WebAssembly module, in a page, a Worker, or Node.
 *
 *     import { load } from "./hbss.js";
 *
 *     const hbss = await load();
 *     const key = await hbss.generate("SLH-DSA-SHA2-128s");
 *     const message = new TextEncoder().encode("hello");
 *     const signature = await key.sign(message);
 *     hbss.verify("SLH-DSA-SHA2-128s", key.publicKey, message, signature); // throws InvalidSignature, or returns
 *     key.wipe();
 *
 * A key for a session, which is never stored, and whose every leaf signs once:
 *
 *     const session = await hbss.createLms("LMS_SHA256_M32_H10_W4");
 *     const leaf = session.reserve();
 *     hbss.verify("LMS", session.publicKey, message, session.sign(leaf, message));
 *
 * Names, encodings and errors are those of Python, and signatures go both ways. Everything is bytes: Uint8Arrays go in
 * and come out. Making an SLH-DSA or tree key and signing with SLH-DSA take long, return promises, and let other work
 * of the thread have its turn; in a page do it all in a Worker, by hbss-client.js, which has the same names. There are
 * no HSS or XMSS^MT keys here, and no HashSLH-DSA; HSS and XMSS^MT signatures are verified.
 */
import { bytes, head } from "./hbss-bytes.js";
import { Core, compile } from "./hbss-core.js";
import { BadKey } from "./hbss-errors.js";
import { Key } from "./hbss-expanded.js";
import { explain } from "./hbss-explain.js";
import { OneTimeKey, SlhDsaKey, StatefulKey } from "./hbss-keys.js";

export * from "./hbss-errors.js";

/** @type {Record<string, string>} what a key that names its own set may be called */
const FAMILIES = { LMS: "LMS", HSS: "LMS", XMSS: "XMSS", XMSSMT: "XMSSMT" };
const HSS_HEADER = 4; // u32(L) before an LMS public key, u32(L - 1) before a signature

/** @typedef {import("./hbss-core.js").Row} Row */
/** @typedef {import("./hbss-memory.js").Room} Room */
/** @typedef {import("./hbss-secret.js").Progress} Progress is told how much is done, of how much */
/**
 * @typedef {object} ParameterSet sizes are bytes, in HSS form for LMS; category is NIST's, null where none is defined
 * @property {string} name
 * @property {string} scheme LMS, XMSS, XMSSMT or SLH-DSA
 * @property {string} hash of the chains
 * @property {boolean} stateful
 * @property {boolean} approved by SP 800-208 or FIPS 205
 * @property {number | null} category
 * @property {number} n
 * @property {number} height of all layers together
 * @property {number} layers
 * @property {number} w
 * @property {number} publicKeySize
 * @property {number} signatureSize
 */

/**
 * The module, ready for use.
 * @param {WebAssembly.Module | URL | string | BufferSource} [source] the module, its bytes, or where it is: hbss.wasm
 *   beside this file, if nothing is said
 * @returns {Promise<Hbss>}
 */
export async function load(source) {
  return new Hbss(new Core(await WebAssembly.instantiate(await compile(source))));
}

/** All that the module can do. Made by `load`. */
export class Hbss {
  #core;

  /** @param {Core} core */
  constructor(core) {
    this.#core = core;
  }

  /**
   * Every parameter set; an HSS is any list of LMS sets, joined by `+`.
   * @returns {ParameterSet[]}
   */
  sets() {
    return [...this.#core.sets.values()].map(describe);
  }

  // ---- private keys

  /**
   * A new SLH-DSA key.
   * @param {string} set @param {{progress?: Progress}} [options]
   * @returns {Promise<SlhDsaKey>}
   */
  async generate(set, { progress } = {}) {
    return SlhDsaKey.make(this.#core, this.#row(set, "SLH-DSA"), null, progress);
  }

  /**
   * The SLH-DSA key that was exported by `exportRaw`. BadKey if the bytes are none of this set: the root is computed
   * again.
   * @param {string} set @param {Uint8Array} raw SK.seed || SK.prf || PK.seed || PK.root
   * @param {{progress?: Progress}} [options]
   * @returns {Promise<SlhDsaKey>}
   */
  async fromRaw(set, raw, { progress } = {}) {
    return SlhDsaKey.make(this.#core, this.#row(set, "SLH-DSA"), bytes(raw, "private key"), progress);
  }

  /**
   * A new LMS key, in memory only.
   * @param {string} set @param {{progress?: Progress}} [options]
   * @returns {Promise<StatefulKey>}
   */
  async createLms(set, { progress } = {}) {
    return StatefulKey.make(this.#core, this.#row(set, "LMS"), progress);
  }

  /**
   * A new XMSS key, in memory only.
   * @param {string} set @param {{progress?: Progress}} [options]
   * @returns {Promise<StatefulKey>}
   */
  async createXmss(set, { progress } = {}) {
    return StatefulKey.make(this.#core, this.#row(set, "XMSS"), progress);
  }

  /**
   * A new one-time key: the LM-OTS of an LMS set, or the WOTS+ of an XMSS set.
   * @param {string} set
   * @returns {Promise<OneTimeKey>}
   */
  async generateOneTime(set) {
    return OneTimeKey.make(this.#core, this.#row(set, "LMS", "XMSS"));
  }

  // ---- public keys

  /**
   * Return if the signature is one of the message by this key; throw InvalidSignature if not, or if it is malformed.
   * BadKey for what is no public key; RangeError or TypeError if the question makes no sense.
   * @param {string} kind a parameter set (an HSS: `LMS_…+LMS_…`); or just the family, "LMS", "HSS" (the same), "XMSS"
   *   or "XMSSMT", whose keys name their own set
   * @param {Uint8Array} publicKey as its standard writes it, the LMS family in HSS form
   * @param {Uint8Array} message
   * @param {Uint8Array} signature
   * @param {{context?: Uint8Array}} [options] context: SLH-DSA only, up to 255 bytes that the signer gave as well
   */
  verify(kind, publicKey, message, signature, { context } = {}) {
    const raw = bytes(publicKey, "public key");
    const data = bytes(message, "message"), signed = bytes(signature, "signature");
    this.#core.within((room) => {
      const key = this.#readPublic(room, kind, raw), slhdsa = key.row.scheme === "SLH-DSA";
      if (!slhdsa && context !== undefined) throw new RangeError(`${key.row.scheme} has no context; leave it out`);
      key.verify(signed, slhdsa ? [head(context), data] : [data]);
    });
  }

  /**
   * SHA-256 of a message, 32 bytes, at once and in any context (`crypto.subtle` wants HTTPS or localhost).
   * @param {Uint8Array} data
   * @returns {Uint8Array}
   */
  sha256(data) {
    return this.#core.hash("SHA-256", 32, bytes(data, "data"));
  }

  /**
   * What leads from an LMS signature to its root, chain by chain and level by level; see hbss-explain.js.
   * @param {Uint8Array} publicKey @param {Uint8Array} message @param {Uint8Array} signature
   * @returns {import("./hbss-explain.js").Explanation}
   */
  explain(publicKey, message, signature) {
    const raw = bytes(publicKey, "public key");
    const data = bytes(message, "message"), signed = bytes(signature, "signature");
    return explain(this.#core, raw, data, signed);
  }

  // ---- parts of a verification. publicSeed: I, bytes 12 to 27 of an LMS public key, or the end of an XMSS one

  /**
   * The one-time public key that chain values over a digest lead to: K (LM-OTS) or the chain ends (WOTS+).
   * @param {string} set @param {Uint8Array} publicSeed @param {number} leaf
   * @param {Uint8Array} digest n bytes @param {Uint8Array} values
   * @returns {Uint8Array}
   */
  otsRecover(set, publicSeed, leaf, digest, values) {
    const given = [bytes(digest, "digest"), bytes(values, "chain values")];
    return this.#seeded(set, publicSeed, (key) => key.otsRecover(leaf, given[0], given[1]));
  }

  /**
   * Neighbouring nodes, number `index` and on, of a height, from their children.
   * @param {string} set @param {Uint8Array} publicSeed @param {number} height 1 is above the leaves
   * @param {number} index @param {Uint8Array} children side by side
   * @returns {Uint8Array}
   */
  parents(set, publicSeed, height, index, children) {
    const given = bytes(children, "children");
    return this.#seeded(set, publicSeed, (key) => key.parents(0, 0, height, index, given));
  }

  /**
   * The root that a leaf's node and its path lead to.
   * @param {string} set @param {Uint8Array} publicSeed @param {number} leaf
   * @param {Uint8Array} node @param {Uint8Array} path its neighbours from the leaf up
   * @returns {Uint8Array}
   */
  climb(set, publicSeed, leaf, node, path) {
    const given = [bytes(node, "node"), bytes(path, "path")];
    return this.#seeded(set, publicSeed, (key) => key.climb(0, 0, leaf, given[0], given[1]));
  }

  // ----

  /**
   * The set of this name, which must be one of these schemes'.
   * @param {string} name @param {...string} schemes
   */
  #row(name, ...schemes) {
    const row = this.#core.row(name);
    if (!schemes.includes(row.scheme)) {
      throw new RangeError(`${name} is a set of ${row.scheme}, not of ${schemes.join(" or ")}`);
    }
    return row;
  }

  /**
   * A key of a set without secrets or root.
   * @template T
   * @param {string} set @param {Uint8Array} publicSeed @param {(key: Key) => T} act
   */
  #seeded(set, publicSeed, act) {
    const row = this.#row(set, "LMS", "XMSS"), seed = bytes(publicSeed, "public seed");
    if (seed.length !== row.publicSeedLen) {
      throw new RangeError(`the public seed of ${set} has ${row.publicSeedLen} bytes; got ${seed.length}`);
    }
    return this.#core.within((room) =>
      act(Key.fromSeeds(this.#core, room, row, room.take(row.secretLen), room.put(seed))));
  }

  /** @param {Room} room @param {string} kind @param {Uint8Array} raw */
  #readPublic(room, kind, raw) {
    const core = this.#core;
    if (Object.hasOwn(FAMILIES, kind)) return Key.fromPublic(core, room, FAMILIES[kind], null, raw);
    if (kind === "SLH-DSA") throw new RangeError("an SLH-DSA key does not say which set it belongs to: name the set");
    const rows = String(kind).split("+").map((name) => core.row(name)), [top] = rows;
    if (rows.length > 1 && !rows.every((row) => row.scheme === "LMS")) {
      throw new RangeError("only LMS sets are joined by '+'");
    }
    if (top.scheme === "SLH-DSA") return readSlhDsa(core, room, top, raw);
    const key = Key.fromPublic(core, room, top.scheme, null, raw);
    if (key.row !== top || key.levels !== rows.length) {
      throw new BadKey(`expected a key of ${kind}; this one says ${key.row.name}, ${key.levels} level(s)`);
    }
    return key;
  }
}

/** @param {Core} core @param {Room} room @param {Row} row @param {Uint8Array} raw */
function readSlhDsa(core, room, row, raw) {
  if (raw.length !== row.publicLen) {
    throw new BadKey(`a ${row.name} public key has ${row.publicLen} bytes; got ${raw.length}`);
  }
  return Key.fromPublic(core, room, "SLH-DSA", row, raw);
}

/**
 * @param {Row} row
 * @returns {ParameterSet}
 */
function describe(row) {
  const header = row.scheme === "LMS" ? HSS_HEADER : 0;
  return {
    name: row.name, scheme: row.scheme, hash: row.function, stateful: row.scheme !== "SLH-DSA",
    approved: row.approved === 1, category: row.category || null, n: row.n, height: row.h, layers: row.d,
    w: 2 ** row.lgW, publicKeySize: header + row.publicLen, signatureSize: header + row.signatureLen,
  };
}
