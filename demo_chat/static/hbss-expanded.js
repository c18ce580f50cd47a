// @ts-check
/**
 * An expanded key in the module's memory, and all that the core does with one: what Python's `_native.Key` is. It takes
 * any seeds and any leaf, any number of times, so it is for hbss-keys.js and for known-answer tests only.
 */
import { SCHEMES } from "./hbss-core.js";

const PIECE_CALLS = 40_000; // hash calls between two chances to do something else: a few milliseconds

/** @typedef {import("./hbss-core.js").Core} Core */
/** @typedef {import("./hbss-core.js").Row} Row */
/** @typedef {import("./hbss-memory.js").Room} Room */
/** @typedef {Generator<[number, number], void, void>} Work long work in pieces: how many are done, of how many */

/**
 * How many nodes stand before a level of a tree, whose levels follow one another from the leaves up; before the level
 * above its root stand all of them.
 * @param {number} height @param {number} level
 */
export function offset(height, level) {
  return 2 * (2 ** height - 2 ** (height - level));
}

/** An expanded key of one parameter set, with or without its secret seeds. Constant; its memory is a room's. */
export class Key {
  /** @param {Core} core @param {number} at */
  constructor(core, at) {
    this.core = core;
    this.at = at;
    this.row = core.rowAt(core.c.hbss_key_set(at));
    this.levels = /** @type {number} */ (core.c.hbss_key_levels(at));
    this.height = this.row.h / this.row.d; // of one tree
    this.path = this.height * this.row.n; // bytes
    this.values = (this.row.len1 + this.row.len2) * this.row.n; // bytes
  }

  /**
   * A key that can sign.
   * @param {Core} core @param {Room} room @param {Row} row
   * @param {number} secret address of the seeds @param {number} publicSeed address @param {number} [root] address
   */
  static fromSeeds(core, room, row, secret, publicSeed, root = 0) {
    const at = room.take(core.c.hbss_key_len());
    core.check(core.c.hbss_key_from_seeds(at, core.backend, row.at, secret, publicSeed, root));
    return new Key(core, at);
  }

  /**
   * A key that verifies. The set is read from its codes; only SLH-DSA keys need it.
   * @param {Core} core @param {Room} room @param {string} scheme @param {Row | null} row @param {Uint8Array} bytes
   */
  static fromPublic(core, room, scheme, row, bytes) {
    const at = room.take(core.c.hbss_key_len());
    const set = row ? row.at : 0;
    const status = core.c.hbss_key_from_public(
      at, core.backend, SCHEMES.indexOf(scheme), set, room.put(bytes), bytes.length,
    );
    core.check(status);
    return new Key(core, at);
  }

  /** As its standard encodes it; LMS without the HSS header. */
  publicBytes() {
    return this.core.output(this.row.publicLen, (out) => this.core.c.hbss_key_public(out, this.at));
  }

  // ---- trees

  /**
   * All nodes of the subtree over leaves first .. first + 2^height - 1: leaves first, its root last.
   * @param {number} layer @param {number} tree @param {number} first @param {number} height
   */
  tree(layer, tree, first, height) {
    const len = (2 * 2 ** height - 1) * this.row.n;
    return this.core.output(len, (out) => this.core.c.hbss_tree(out, this.at, layer, BigInt(tree), first, height));
  }

  /**
   * A whole tree, written to `nodes`, in pieces.
   * @param {number} nodes address of (2^(height + 1) - 1) * n bytes @param {number} layer @param {number} tree
   * @returns {Work}
   */
  *build(nodes, layer, tree) {
    const { core, height, row: { n, lgW, len1, len2, scheme } } = this;
    const leaf = (len1 + len2) * 2 ** lgW * (scheme.startsWith("XMSS") ? 3 : 1);
    const piece = Math.min(height, Math.max(0, Math.floor(Math.log2(PIECE_CALLS / leaf))));
    const room = core.room();
    try {
      const some = room.take((2 * 2 ** piece - 1) * n);
      for (let first = 0; first < 2 ** height; first += 2 ** piece) {
        core.check(core.c.hbss_tree(some, this.at, layer, BigInt(tree), first, piece));
        for (let level = 0; level <= piece; level++) {
          const to = nodes + (offset(height, level) + first / 2 ** level) * n;
          const from = core.memory.view(some + offset(piece, level) * n, 2 ** (piece - level) * n);
          core.memory.view(to, from.length).set(from);
        }
        yield [first + 2 ** piece, 2 ** height];
      }
      for (let level = piece + 1; level <= height; level++) {
        const [below, here] = [level - 1, level].map((each) => nodes + offset(height, each) * n);
        const count = 2 ** (height - level);
        core.check(core.c.hbss_tree_parents(here, this.at, layer, BigInt(tree), level, 0, below, count));
      }
    } finally {
      room.close();
    }
  }

  /**
   * The nodes index .. of this height, from their children.
   * @param {number} layer @param {number} tree @param {number} height @param {number} index
   * @param {Uint8Array} children
   */
  parents(layer, tree, height, index, children) {
    const { core, row: { n } } = this, count = children.length / (2 * n);
    if (!Number.isInteger(count)) {
      throw new RangeError(`the children must be pairs of ${n} bytes each; got ${children.length} bytes`);
    }
    return core.output(count * n, (out, room) => core.c.hbss_tree_parents(
      out, this.at, layer, BigInt(tree), height, index, room.put(children), count,
    ));
  }

  /**
   * The root that a leaf's node and its path lead to.
   * @param {number} layer @param {number} tree @param {number} leaf @param {Uint8Array} node @param {Uint8Array} path
   */
  climb(layer, tree, leaf, node, path) {
    const { core, row: { n } } = this;
    expect(node, n, "node");
    expect(path, this.path, "path");
    return core.output(n, (out, room) => core.c.hbss_tree_climb(
      out, this.at, layer, BigInt(tree), leaf, room.put(node), room.put(path),
    ));
  }

  // ---- signing

  /**
   * A stateful key's randomiser of one index: C (LMS) or r (XMSS).
   * @param {number} index
   */
  randomizer(index) {
    return this.core.output(this.row.n, (out) => this.core.c.hbss_randomizer(out, this.at, BigInt(index)));
  }

  /**
   * SLH-DSA: R = PRF_msg(SK.prf, optRand, message).
   * @param {Uint8Array} optRand @param {Uint8Array[]} parts
   */
  messageRandomizer(optRand, parts) {
    const start = this.core.c.hbss_randomizer_start;
    return this.#finish(this.row.n, parts, (stream, room) => start(stream, this.at, room.put(optRand)));
  }

  /**
   * The digest that is signed at an index under a randomiser.
   * @param {number} index @param {Uint8Array} r @param {Uint8Array[]} parts of the message
   */
  digest(index, r, parts) {
    const start = this.core.c.hbss_digest_start;
    const len = this.row.m || this.row.n;
    return this.#finish(len, parts, (stream, room) => start(stream, this.at, BigInt(index), room.put(r)));
  }

  /** @param {number} len @param {Uint8Array[]} parts @param {(stream: number, room: Room) => number} start */
  #finish(len, parts, start) {
    const { core } = this;
    return core.output(len, (out, room) => {
      const stream = room.take(core.c.hbss_stream_len());
      core.check(start(stream, room));
      core.update(room, stream, parts);
      core.c.hbss_stream_finish(out, stream);
      return 0;
    });
  }

  /**
   * One leaf's signature: a whole LMS signature, or chain values and path (XMSS).
   * @param {number} leaf @param {Uint8Array} r @param {Uint8Array} digest @param {Uint8Array} path
   */
  signLeaf(leaf, r, digest, path) {
    const { core } = this;
    return core.output(this.row.layerLen, (out, room) => core.c.hbss_sign_leaf(
      out, this.at, 0, 0n, leaf, room.put(r), room.put(digest), room.put(path),
    ));
  }

  /**
   * An SLH-DSA signature of a digest, written to `out`, in steps.
   * @param {number} out @param {Uint8Array} r @param {Uint8Array} digest
   * @param {number} top address of all nodes of the top tree, or 0
   * @returns {Work}
   */
  *signDigest(out, r, digest, top) {
    const { c } = this.core, room = this.core.room();
    try {
      const inputs = [room.put(r), room.put(digest), top];
      const scratch = room.take(c.hbss_slhdsa_scratch_len(this.at));
      const steps = c.hbss_slhdsa_steps(this.at, top);
      for (let step = 0; step < steps; step++) {
        this.core.check(c.hbss_slhdsa_sign(out, this.at, ...inputs, step, scratch));
        yield [step + 1, steps];
      }
    } finally {
      room.close();
    }
  }

  // ---- verifying

  /**
   * Nothing if the signature is one of the message; InvalidSignature else.
   * @param {Uint8Array} signature @param {Uint8Array[]} parts of the message
   */
  verify(signature, parts) {
    const { core } = this;
    core.within((room) => {
      const stream = room.take(core.c.hbss_stream_len()), at = room.put(signature);
      core.check(core.c.hbss_verify_start(stream, this.at, at, signature.length));
      core.update(room, stream, parts);
      core.check(core.c.hbss_verify_finish(stream, this.at, at, signature.length));
    });
  }

  // ---- one-time signatures by themselves

  /** Bytes of a one-time public key: K (LM-OTS), or the chain ends (WOTS+). */
  get otsPublicLen() {
    return this.row.scheme === "LMS" ? this.row.n : this.values;
  }

  /** @param {number} leaf */
  otsPublic(leaf) {
    return this.core.output(this.otsPublicLen, (out) => this.core.c.hbss_ots_public(out, this.at, leaf));
  }

  /**
   * The chain values that sign a digest.
   * @param {number} leaf @param {Uint8Array} digest
   */
  otsSign(leaf, digest) {
    const { core } = this;
    expect(digest, this.row.n, "digest");
    return core.output(this.values, (out, room) => core.c.hbss_ots_sign(out, this.at, leaf, room.put(digest)));
  }

  /**
   * The one-time public key that chain values over a digest lead to.
   * @param {number} leaf @param {Uint8Array} digest @param {Uint8Array} values
   */
  otsRecover(leaf, digest, values) {
    const { core } = this;
    expect(digest, this.row.n, "digest");
    expect(values, this.values, "chain values");
    return core.output(this.otsPublicLen, (out, room) => core.c.hbss_ots_recover(
      out, this.at, leaf, room.put(digest), room.put(values),
    ));
  }
}

/** @param {Uint8Array} bytes @param {number} len @param {string} what */
function expect(bytes, len, what) {
  if (bytes.length !== len) throw new RangeError(`the ${what} must have ${len} bytes; got ${bytes.length}`);
}
