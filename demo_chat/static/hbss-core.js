// @ts-check
/**
 * The only file that calls the WebAssembly module, as hbss/_native is in Python: bytes in, bytes out, a status
 * becomes an error. It is for hbss.js, which keeps the rules of keys; nothing here does, so nothing else should use it.
 *
 * The functions and their arguments are those of csrc/hbss.h. An `at` is an address in the module's memory.
 */
import { BadKey, HbssError, InvalidSignature, UnknownParameterSet } from "./hbss-errors.js";
import { Memory, Room } from "./hbss-memory.js";

export const SCHEMES = ["LMS", "XMSS", "XMSSMT", "SLH-DSA"];
const FUNCTIONS = ["SHA-256", "SHA-512", "SHAKE128", "SHAKE256"];
const FIELDS = [
  "name", "scheme", "function", "code", "otsCode", "approved", "category", "n", "h", "d", "lgW", "len1", "len2", "a",
  "k", "m", "publicLen", "secretLen", "publicSeedLen", "signatureLen", "layerLen",
];
const PIECE = 1 << 16; // bytes of a message at a time

/**
 * A row of the core's table of sets (hbss_set in csrc/hbss.h), and its address.
 * @typedef {{at: number, name: string, scheme: string, function: string, code: number, otsCode: number,
 *   approved: number, category: number, n: number, h: number, d: number, lgW: number, len1: number, len2: number,
 *   a: number, k: number, m: number, publicLen: number, secretLen: number, publicSeedLen: number, signatureLen: number,
 *   layerLen: number}} Row
 */

/**
 * Compile the module.
 * @param {WebAssembly.Module | URL | string | BufferSource} source the module, its bytes, or where it is
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(source = new URL("hbss.wasm", import.meta.url)) {
  if (source instanceof WebAssembly.Module) return source;
  if (!(source instanceof URL || typeof source === "string")) return WebAssembly.compile(source);
  const url = new URL(source, import.meta.url);
  if (url.protocol === "file:") { // Node, which does not fetch files
    // @ts-ignore: a page has no such module, and no such address
    const { readFile } = await import(/* @vite-ignore */ "node:fs/promises");
    return WebAssembly.compile(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new HbssError(`${url} could not be loaded: ${response.status} ${response.statusText}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** One instance of the module. */
export class Core {
  /** @type {Map<string, Row>} every set, by name, in the order of the table */
  sets = new Map();
  /** @type {Map<number, Row>} */
  #rows = new Map();

  /** @param {WebAssembly.Instance} instance */
  constructor(instance) {
    this.c = /** @type {any} */ (instance.exports);
    this.memory = new Memory(this.c);
    this.backend = this.c.hbss_backend_at(0);
    for (let i = 0, at; (at = this.c.hbss_set_at(i)); i++) {
      const row = this.#readRow(at);
      this.sets.set(row.name, row);
      this.#rows.set(at, row);
    }
  }

  /**
   * The set of this name.
   * @param {string} name
   */
  row(name) {
    const row = this.sets.get(name);
    if (!row) throw new UnknownParameterSet(`there is no parameter set ${JSON.stringify(name)}; sets() lists them all`);
    return row;
  }

  /** @param {number} at */
  rowAt(at) {
    return /** @type {Row} */ (this.#rows.get(at));
  }

  /** Memory that is wiped by `close`. */
  room() {
    return new Room(this.memory);
  }

  /**
   * Call `act` with memory that ends with it.
   * @template T
   * @param {(room: Room) => T} act
   */
  within(act) {
    const room = this.room();
    try {
      return act(room);
    } finally {
      room.close();
    }
  }

  /**
   * What a call writes: `len` bytes.
   * @param {number} len @param {(out: number, room: Room) => number} call returns a status
   */
  output(len, call) {
    return this.within((room) => {
      const out = room.take(len);
      this.check(call(out, room));
      return room.read(out, len);
    });
  }

  /**
   * A status of the core: nothing if all is well, an error else.
   * @param {number} status
   */
  check(status) {
    if (status === 1) throw new InvalidSignature();
    if (status === 2) {
      throw new BadKey("the public key is malformed: its length or its codes do not fit any parameter set");
    }
    if (status === 3) throw new BadKey("the public key names a type code that no parameter set has");
    if (status) throw new RangeError("an index, layer or height is out of range");
  }

  /**
   * Feed a message to a stream, in pieces, so that a long one needs no memory.
   * @param {Room} room @param {number} stream @param {Uint8Array[]} parts
   */
  update(room, stream, parts) {
    const piece = room.take(Math.min(PIECE, Math.max(...parts.map((part) => part.length))));
    for (const part of parts) {
      for (let from = 0; from < part.length; from += PIECE) {
        const some = part.subarray(from, from + PIECE);
        this.memory.view(piece, some.length).set(some);
        this.c.hbss_stream_update(stream, piece, some.length);
      }
    }
  }

  /**
   * The first `len` bytes of a plain hash.
   * @param {string} name @param {number} len @param {Uint8Array} data
   */
  hash(name, len, data) {
    return this.output(len, (out, room) => {
      this.c.hbss_wasm_hash(out, len, this.backend, FUNCTIONS.indexOf(name), room.put(data), data.length);
      return 0;
    });
  }

  /**
   * The kernels for a hash function, widest first.
   * @param {string} name
   * @returns {[string, number][]} name and lanes
   */
  kernels(name) {
    return this.within((room) => {
      const lanes = room.take(4), found = /** @type {[string, number][]} */ ([]);
      for (let at; (at = this.c.hbss_backend_kernel(lanes, this.backend, FUNCTIONS.indexOf(name), found.length)); ) {
        found.push([this.#text(at), this.memory.view(lanes, 4)[0]]);
      }
      return found;
    });
  }

  /**
   * Run a kernel `calls` times on all its lanes, for benchmarks.
   * @param {string} name @param {number} i @param {number} calls
   */
  runKernel(name, i, calls) {
    this.c.hbss_backend_run(this.backend, FUNCTIONS.indexOf(name), i, BigInt(calls));
  }

  /** @param {number} at */
  #readRow(at) {
    const bytes = this.memory.view(at, 4 * FIELDS.length);
    const numbers = new DataView(bytes.buffer, at);
    const found = FIELDS.map((field, i) => [field, numbers.getUint32(4 * i, true)]);
    const row = /** @type {any} */ (Object.fromEntries(found));
    const texts = { name: this.#text(row.name), scheme: SCHEMES[row.scheme], function: FUNCTIONS[row.function] };
    return /** @type {Row} */ (Object.freeze({ at, ...row, ...texts }));
  }

  /** @param {number} at */
  #text(at) {
    const bytes = this.memory.view(at, 64);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
}
