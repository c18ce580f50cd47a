// @ts-check
/**
 * hbss behind a Worker, so that a page stays responsive whatever keys do: the names of hbss.js, every one a promise.
 *
 *     import { HbssWorker } from "./hbss-client.js";
 *
 *     const hbss = await HbssWorker.start();
 *     const key = await hbss.generate("SLH-DSA-SHA2-128s", { progress: (done, total) => show(done / total) });
 *     const signature = await key.sign(message, { context });
 *     await hbss.verify("SLH-DSA-SHA2-128s", key.publicKey, message, signature, { context });
 *     await key.wipe();
 *
 * Errors are those of hbss.js, and keys stay in the Worker. What is given is copied, never taken away. Files of another
 * origin are used where they are, if their server allows it (CORS). A bundler wants to see how the Worker is made:
 *
 *     const worker = new Worker(new URL("./hbss-worker.js", import.meta.url), { type: "module" });
 *     const hbss = await HbssWorker.start({ worker });
 *
 * Content Security Policy: `script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'`, in the
 * headers of hbss-worker.js as well as in the page's. Where trusted types are required, allow the policy of
 * hbss-channel.js: `trusted-types hbss-worker`. It gives one address, that of hbss-worker.js.
 */
import { Channel, begin } from "./hbss-channel.js";
import { HandleDead, WorkerLost } from "./hbss-errors.js";

export * from "./hbss-errors.js";

/** @typedef {import("./hbss-channel.js").Progress} Progress */
/** @typedef {import("./hbss.js").ParameterSet} ParameterSet */
/** @typedef {import("./hbss-explain.js").Explanation} Explanation */
/** @typedef {{number: number, set: string, publicKey: Uint8Array}} Known what is known of a key in the Worker */

/** A Worker with hbss in it. Made by `HbssWorker.start()`. */
export class HbssWorker {
  #channel;

  /** @param {Channel} channel */
  constructor(channel) {
    this.#channel = channel;
  }

  /**
   * A Worker that is ready. WorkerLost if it cannot be started, HbssError if it cannot load the module.
   * @param {{source?: URL | string | BufferSource | WebAssembly.Module, worker?: Worker}} [options] source: of the
   *   module, as for `load` in hbss.js. worker: one of hbss-worker.js that the page has made.
   */
  static async start({ source, worker = begin() } = {}) {
    const channel = new Channel(worker);
    try {
      await channel.ask(undefined, "load", [source instanceof URL ? source.href : source]);
    } catch (error) {
      channel.end(new WorkerLost("the Worker of hbss has no module"));
      throw error;
    }
    return new HbssWorker(channel);
  }

  /** Every parameter set. @returns {Promise<ParameterSet[]>} */
  sets() {
    return this.#ask("sets");
  }

  /**
   * A new SLH-DSA key.
   * @param {string} set @param {{progress?: Progress}} [options]
   */
  async generate(set, options) {
    return new WorkerSlhDsaKey(this.#channel, await this.#make("generate", [set], options));
  }

  /**
   * The SLH-DSA key that `exportRaw` gave.
   * @param {string} set @param {Uint8Array} raw @param {{progress?: Progress}} [options]
   */
  async fromRaw(set, raw, options) {
    return new WorkerSlhDsaKey(this.#channel, await this.#make("fromRaw", [set, raw], options));
  }

  /**
   * A new LMS key, in the Worker's memory only.
   * @param {string} set @param {{progress?: Progress}} [options]
   */
  async createLms(set, options) {
    return new WorkerStatefulKey(this.#channel, await this.#make("createLms", [set], options));
  }

  /**
   * A new XMSS key, in the Worker's memory only.
   * @param {string} set @param {{progress?: Progress}} [options]
   */
  async createXmss(set, options) {
    return new WorkerStatefulKey(this.#channel, await this.#make("createXmss", [set], options));
  }

  /**
   * A new one-time key: the LM-OTS of an LMS set, or the WOTS+ of an XMSS set.
   * @param {string} set
   */
  async generateOneTime(set) {
    return new WorkerOneTimeKey(this.#channel, await this.#make("generateOneTime", [set]));
  }

  /**
   * Return if the signature is one of the message by this key; InvalidSignature, BadKey, RangeError or TypeError if
   * not.
   * @param {string} kind @param {Uint8Array} publicKey @param {Uint8Array} message @param {Uint8Array} signature
   * @param {{context?: Uint8Array}} [options]
   * @returns {Promise<void>}
   */
  verify(kind, publicKey, message, signature, options = {}) {
    return this.#ask("verify", kind, publicKey, message, signature, options);
  }

  /** SHA-256 of a message. @param {Uint8Array} data @returns {Promise<Uint8Array>} */
  sha256(data) {
    return this.#ask("sha256", data);
  }

  /**
   * What leads from an LMS signature to its root.
   * @param {Uint8Array} publicKey @param {Uint8Array} message @param {Uint8Array} signature
   * @returns {Promise<Explanation>}
   */
  explain(publicKey, message, signature) {
    return this.#ask("explain", publicKey, message, signature);
  }

  /**
   * The one-time public key that chain values over a digest lead to.
   * @param {string} set @param {Uint8Array} publicSeed @param {number} leaf @param {Uint8Array} digest
   * @param {Uint8Array} values
   * @returns {Promise<Uint8Array>}
   */
  otsRecover(set, publicSeed, leaf, digest, values) {
    return this.#ask("otsRecover", set, publicSeed, leaf, digest, values);
  }

  /**
   * Neighbouring nodes of a height, from their children.
   * @param {string} set @param {Uint8Array} publicSeed @param {number} height @param {number} index
   * @param {Uint8Array} children
   * @returns {Promise<Uint8Array>}
   */
  parents(set, publicSeed, height, index, children) {
    return this.#ask("parents", set, publicSeed, height, index, children);
  }

  /**
   * The root that a leaf's node and its path lead to.
   * @param {string} set @param {Uint8Array} publicSeed @param {number} leaf @param {Uint8Array} node
   * @param {Uint8Array} path
   * @returns {Promise<Uint8Array>}
   */
  climb(set, publicSeed, leaf, node, path) {
    return this.#ask("climb", set, publicSeed, leaf, node, path);
  }

  /** Wipe all keys, and end the Worker. What is still being waited for is a WorkerLost. */
  async close() {
    await this.#ask("close");
    this.#channel.end(new WorkerLost("the Worker of hbss was closed"));
  }

  /** @param {string} method @param {...any} args */
  #ask(method, ...args) {
    return this.#channel.ask(undefined, method, args);
  }

  /** @param {string} method @param {any[]} args @param {{progress?: Progress}} [options] */
  #make(method, args, { progress } = {}) {
    return this.#channel.ask(undefined, method, [...args, {}], progress);
  }
}

/** @type {FinalizationRegistry<() => Promise<void>>} keys that the page forgets are wiped in the Worker */
const forgotten = new FinalizationRegistry((wipe) => void wipe().catch(() => {}));

/** What all private keys in the Worker have in common. */
class WorkerKey {
  #channel;
  #number;

  /** @param {Channel} channel @param {Known} known */
  constructor(channel, { number, set, publicKey }) {
    this.#channel = channel;
    this.#number = number;
    /** @readonly the name of the parameter set */
    this.set = set;
    /** @readonly */
    this.publicKey = publicKey;
    forgotten.register(this, () => channel.ask(number, "wipe", []));
  }

  /** @protected @param {string} method @param {any[]} [args] @param {Progress} [progress] */
  _ask(method, args = [], progress) {
    return this.#channel.ask(this.#number, method, args, progress);
  }

  /** Clear the key's memory: it signs no more. */
  async wipe() {
    try {
      await this._ask("wipe");
    } catch (error) {
      if (!(error instanceof HandleDead)) throw error; // a second time is no mistake
    }
  }
}

/** An SLH-DSA key: see hbss-keys.js. */
export class WorkerSlhDsaKey extends WorkerKey {
  /**
   * A signature. progress: as for keys.
   * @param {Uint8Array} message
   * @param {{context?: Uint8Array, deterministic?: boolean, progress?: Progress}} [options]
   * @returns {Promise<Uint8Array>}
   */
  sign(message, { progress, ...options } = {}) {
    return this._ask("sign", [message, options], progress);
  }

  /** SK.seed || SK.prf || PK.seed || PK.root, which the caller has to wipe. @returns {Promise<Uint8Array>} */
  exportRaw() {
    return this._ask("exportRaw");
  }
}

/** A stateful key, LMS or XMSS: see hbss-keys.js. */
export class WorkerStatefulKey extends WorkerKey {
  /** @param {Channel} channel @param {any} known */
  constructor(channel, known) {
    super(channel, known);
    /** @readonly @type {number} of its tree, which has 2^height leaves */
    this.height = known.height;
    /** @type {number} how many leaves can still be reserved */
    this.remaining = known.remaining;
  }

  /** Take the next leaf. KeyExhausted if there is none. @returns {Promise<number>} */
  async reserve() {
    const leaf = await this._ask("reserve");
    this.remaining--;
    return leaf;
  }

  /**
   * The one signature of a reserved leaf; LeafSpent a second time.
   * @param {number} leaf @param {Uint8Array} message
   * @returns {Promise<Uint8Array>}
   */
  sign(leaf, message) {
    return this._ask("sign", [leaf, message]);
  }

  /** The nodes of a level of the tree, side by side. @param {number} level @returns {Promise<Uint8Array>} */
  nodes(level) {
    return this._ask("nodes", [level]);
  }
}

/** A one-time key: see hbss-keys.js. */
export class WorkerOneTimeKey extends WorkerKey {
  /** @param {Channel} channel @param {any} known */
  constructor(channel, known) {
    super(channel, known);
    /** @readonly @type {Uint8Array} I (LM-OTS) or SEED (WOTS+) */
    this.publicSeed = known.publicSeed;
  }

  /** The chain values that sign a digest, once. @param {Uint8Array} digest @returns {Promise<Uint8Array>} */
  sign(digest) {
    return this._ask("sign", [digest]);
  }
}
