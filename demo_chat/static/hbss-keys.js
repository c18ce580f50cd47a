// @ts-check
/**
 * Private keys. Their seeds come from the system and lie in the module's memory, which `wipe` clears; a key that is
 * forgotten is wiped when it is collected.
 *
 * An SlhDsaKey keeps no state, and may be exported. A StatefulKey lives in memory only: nothing exports or copies it,
 * so no leaf can come back, and a leaf is given by `reserve` and signs once.
 */
import { bytes, equal, head, join, u32 } from "./hbss-bytes.js";
import { BadKey, KeyExhausted, LeafSpent } from "./hbss-errors.js";
import { Key, offset } from "./hbss-expanded.js";
import { PrivateKey, Secret, making } from "./hbss-secret.js";

const TALLEST = 20; // a tree of 2^20 leaves takes 64 MiB

/** @typedef {import("./hbss-core.js").Core} Core */
/** @typedef {import("./hbss-core.js").Row} Row */
/** @typedef {import("./hbss-memory.js").Room} Room */
/** @typedef {import("./hbss-secret.js").Progress} Progress */

/**
 * The address of new seeds, the secret ones and behind them the public one.
 * @param {Core} core @param {Room} room @param {Row} row
 */
function fresh(core, room, row) {
  const len = row.secretLen + row.publicSeedLen, seeds = room.take(len);
  crypto.getRandomValues(core.memory.view(seeds, len));
  return seeds;
}

/**
 * Build the tree of a key's top layer: the key with its root, and the address of the nodes.
 * @param {Core} core @param {Room} room @param {Secret} secret @param {Row} row
 * @param {number} seeds address of the secret seeds and, behind them, the public seed @param {Progress} [progress]
 * @returns {Promise<[Key, number]>}
 */
async function grown(core, room, secret, row, seeds, progress) {
  const publicSeed = seeds + row.secretLen, height = row.h / row.d, meanwhile = core.room();
  try {
    const bare = Key.fromSeeds(core, meanwhile, row, seeds, publicSeed);
    const nodes = room.take(offset(height, height + 1) * row.n);
    await secret.during(bare.build(nodes, row.d - 1, 0), progress);
    const root = nodes + offset(height, height) * row.n;
    return [Key.fromSeeds(core, room, row, seeds, publicSeed, root), nodes];
  } finally {
    meanwhile.close();
  }
}

/** An SLH-DSA private key (FIPS 205): it keeps no state, and may sign any number of times. */
export class SlhDsaKey extends PrivateKey {
  #secret;
  #key;
  #seeds;
  #top;

  /** @param {Secret} secret @param {Key} key @param {number} seeds address @param {number} top address of its tree */
  constructor(secret, key, seeds, top) {
    super(secret, key.row.name, key.publicBytes());
    this.#secret = secret;
    this.#key = key;
    this.#seeds = seeds;
    this.#top = top;
  }

  /**
   * A new key; or the one that SK.seed || SK.prf || PK.seed || PK.root is, BadKey if it is none.
   * @param {Core} core @param {Row} row @param {Uint8Array | null} given @param {Progress} [progress]
   */
  static make(core, row, given, progress) {
    const { n } = row;
    if (given && given.length !== 4 * n) {
      throw new BadKey(`a ${row.name} private key has ${4 * n} bytes; got ${given.length}`);
    }
    return making(core, async (room, secret) => {
      const seeds = given ? room.put(given.subarray(0, 3 * n)) : fresh(core, room, row);
      const root = given?.slice(3 * n); // a copy: the bytes given may change while the tree is built
      const [key, top] = await grown(core, room, secret, row, seeds, progress);
      if (root && !equal(root, key.publicBytes().subarray(n))) {
        throw new BadKey("the private key's PK.root is not the root of the tree that its seeds give");
      }
      return new SlhDsaKey(secret, key, seeds, top);
    });
  }

  /**
   * A signature (FIPS 205, algorithm 22).
   * @param {Uint8Array} message
   * @param {{context?: Uint8Array, deterministic?: boolean, progress?: Progress}} [options] context: up to 255 bytes
   *   that the verifier must give as well. deterministic: PK.seed instead of fresh randomness.
   * @returns {Promise<Uint8Array>}
   */
  async sign(message, { context, deterministic = false, progress } = {}) {
    const parts = [head(context), bytes(message, "message")];
    this.#secret.check();
    const key = this.#key, { core, row: { n, signatureLen } } = key;
    const random = deterministic ? key.publicBytes().subarray(0, n) : crypto.getRandomValues(new Uint8Array(n));
    const r = key.messageRandomizer(random, parts), digest = key.digest(0, r, parts);
    const room = core.room();
    try {
      const out = room.take(signatureLen);
      await this.#secret.during(key.signDigest(out, r, digest, this.#top), progress);
      return room.read(out, signatureLen);
    } finally {
      room.close();
    }
  }

  /** SK.seed || SK.prf || PK.seed || PK.root: the secret itself, which the caller has to wipe: `raw.fill(0)`. */
  exportRaw() {
    this.#secret.check();
    const { core, row: { n } } = this.#key, raw = new Uint8Array(4 * n); // at its full length: no part is left behind
    raw.set(core.memory.view(this.#seeds, 3 * n));
    raw.set(this.#key.publicBytes().subarray(n), 3 * n);
    return raw;
  }
}

/** A stateful private key, LMS or XMSS, in memory only. */
export class StatefulKey extends PrivateKey {
  #secret;
  #key;
  #nodes;
  #next = 0;
  /** @type {Set<number>} reserved, and not used yet */
  #reserved = new Set();

  /** @param {Secret} secret @param {Key} key @param {number} nodes address of the tree */
  constructor(secret, key, nodes) {
    const raw = key.publicBytes();
    super(secret, key.row.name, key.row.scheme === "LMS" ? join(u32(1), raw) : raw);
    this.#secret = secret;
    this.#key = key;
    this.#nodes = nodes;
    /** @readonly of its tree, which has 2^height leaves */
    this.height = key.height;
  }

  /**
   * A new key.
   * @param {Core} core @param {Row} row @param {Progress} [progress]
   */
  static make(core, row, progress) {
    if (row.h > TALLEST) {
      throw new RangeError(`a key in memory has a tree of height ${TALLEST} at most; ${row.name} has ${row.h}`);
    }
    return making(core, async (room, secret) => {
      const seeds = fresh(core, room, row);
      const [key, nodes] = await grown(core, room, secret, row, seeds, progress);
      return new StatefulKey(secret, key, nodes);
    });
  }

  /** How many leaves can still be reserved. The last leaf is set aside, as in Python: `sign` never uses it. */
  get remaining() {
    return 2 ** this.#key.height - 1 - this.#next;
  }

  /**
   * Take the next leaf, which is used up from now on. KeyExhausted if there is none.
   * @returns {number}
   */
  reserve() {
    this.#secret.check();
    if (!this.remaining) throw new KeyExhausted("this key has no leaf left; make another one");
    this.#reserved.add(this.#next);
    return this.#next++;
  }

  /**
   * The one signature of a leaf that `reserve` gave, whatever becomes of it; LeafSpent for any other, or a second time.
   * LMS: in HSS form, u32(0) || LMS signature (RFC 8554, section 6.2); XMSS: RFC 8391, section 4.1.9.
   * @param {number} leaf @param {Uint8Array} message
   * @returns {Uint8Array}
   */
  sign(leaf, message) {
    const parts = [bytes(message, "message")], key = this.#key;
    this.#secret.check();
    if (!this.#reserved.delete(leaf)) {
      throw new LeafSpent(`leaf ${leaf} was not reserved, or has signed: take one from reserve() for every message`);
    }
    const r = key.randomizer(leaf);
    const signed = key.signLeaf(leaf, r, key.digest(leaf, r, parts), this.#path(leaf));
    return key.row.scheme === "LMS" ? join(u32(0), signed) : join(u32(leaf), r, signed);
  }

  /**
   * The nodes of one level of the tree, side by side: level 0 has the leaves, the last one the root. They are public.
   * @param {number} level
   */
  nodes(level) {
    this.#secret.check();
    const { height } = this.#key;
    if (!Number.isInteger(level) || level < 0 || level > height) {
      throw new RangeError(`the tree has levels 0 to ${height}; got ${level}`);
    }
    return this.#node(level, 0, 2 ** (height - level));
  }

  /** @param {number} level @param {number} index @param {number} count */
  #node(level, index, count) {
    const { core, height, row: { n } } = this.#key;
    const at = this.#nodes + (offset(height, level) + index) * n;
    return core.memory.view(at, count * n).slice();
  }

  /** @param {number} leaf */
  #path(leaf) {
    return join(...Array.from({ length: this.#key.height }, (_, level) => this.#node(level, (leaf >> level) ^ 1, 1)));
  }
}

/**
 * A one-time key by itself, LM-OTS or WOTS+: leaf 0 of a tree that nobody builds. It signs a digest of n bytes, once.
 * What its signature proves is checked by `otsRecover`, which leads to the public key.
 */
export class OneTimeKey extends PrivateKey {
  #secret;
  #key;
  #used = false;

  /** @param {Secret} secret @param {Key} key @param {Uint8Array} publicSeed */
  constructor(secret, key, publicSeed) {
    super(secret, key.row.name, key.otsPublic(0));
    this.#secret = secret;
    this.#key = key;
    /** @readonly I (LM-OTS) or SEED (WOTS+), which every hash takes in */
    this.publicSeed = publicSeed;
  }

  /** @param {Core} core @param {Row} row */
  static make(core, row) {
    return making(core, async (room, secret) => {
      const seeds = fresh(core, room, row), publicSeed = seeds + row.secretLen;
      const key = Key.fromSeeds(core, room, row, seeds, publicSeed);
      return new OneTimeKey(secret, key, room.read(publicSeed, row.publicSeedLen));
    });
  }

  /**
   * The chain values that sign a digest of n bytes; KeyExhausted ever after.
   * @param {Uint8Array} digest
   */
  sign(digest) {
    const given = bytes(digest, "digest"), { n } = this.#key.row;
    this.#secret.check();
    if (given.length !== n) throw new RangeError(`${this.set} signs a digest of ${n} bytes; got ${given.length}`);
    if (this.#used) throw new KeyExhausted("this one-time key has signed, and never signs again; make a new one");
    this.#used = true;
    return this.#key.otsSign(0, given);
  }
}
