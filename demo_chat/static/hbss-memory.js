// @ts-check
/**
 * The memory of the WebAssembly module beyond its own data and stack: who has which piece of it.
 *
 * Whatever is given back is wiped, so what is taken is always zero, and nothing secret outlives its use. (The engine
 * that runs the module may keep copies in registers and on its own stack, as every compiler may: those nobody can
 * reach.)
 */

const PAGE = 1 << 16;
const ALIGNED = 64; // what keys and streams of the core need
/** @param {number} len */
const whole = (len) => Math.max(1, Math.ceil(len / ALIGNED)) * ALIGNED;

/** All of the memory. */
export class Memory {
  /** @type {{at: number, len: number}[]} free pieces, in order of their addresses, none beside another */
  #holes = [];
  #memory;
  #wipe;
  #end;

  /** @param {any} exports of the module */
  constructor(exports) {
    this.#memory = /** @type {WebAssembly.Memory} */ (exports.memory);
    this.#wipe = /** @type {(at: number, len: number) => void} */ (exports.hbss_wipe);
    this.#end = this.#memory.buffer.byteLength;
    const start = whole(exports.__heap_base.value);
    this.#holes.push({ at: start, len: this.#end - start });
  }

  /**
   * The bytes at an address, until the memory grows: never kept over a call that takes memory.
   * @param {number} at @param {number} len
   */
  view(at, len) {
    return new Uint8Array(this.#memory.buffer, at, len);
  }

  /** How much there is in use, in bytes. */
  get used() {
    return this.#end - this.#holes.reduce((sum, hole) => sum + hole.len, 0);
  }

  /**
   * The address of `len` bytes, all of them zero.
   * @param {number} len
   */
  take(len) {
    const need = whole(len);
    let i = this.#holes.findIndex((hole) => hole.len >= need);
    if (i < 0) {
      this.#grow(need);
      i = this.#holes.length - 1;
    }
    const hole = this.#holes[i];
    const at = hole.at;
    hole.at += need;
    hole.len -= need;
    if (!hole.len) this.#holes.splice(i, 1);
    return at;
  }

  /**
   * Wipe what was taken, and have it back.
   * @param {number} at @param {number} len
   */
  give(at, len) {
    this.#wipe(at, whole(len));
    this.#free(at, whole(len));
  }

  /** @param {number} need */
  #grow(need) {
    const pages = Math.ceil(need / PAGE);
    try {
      this.#memory.grow(pages);
    } catch {
      throw new RangeError(`there is no memory for ${need.toLocaleString("en")} bytes more`);
    }
    this.#free(this.#end, pages * PAGE);
    this.#end += pages * PAGE;
  }

  /** @param {number} at @param {number} len */
  #free(at, len) {
    const after = this.#holes.findIndex((hole) => hole.at > at);
    const i = after < 0 ? this.#holes.length : after;
    this.#holes.splice(i, 0, { at, len });
    for (const left of [i, i - 1]) {
      const [hole, next] = [this.#holes[left], this.#holes[left + 1]];
      if (hole && next && hole.at + hole.len === next.at) {
        hole.len += next.len;
        this.#holes.splice(left + 1, 1);
      }
    }
  }
}

/** Pieces of memory that are used together, and end together. */
export class Room {
  /** @type {[number, number][]} */
  #taken = [];

  /** @param {Memory} memory */
  constructor(memory) {
    this.memory = memory;
  }

  /**
   * The address of `len` bytes, all of them zero.
   * @param {number} len
   */
  take(len) {
    const at = this.memory.take(len);
    this.#taken.push([at, len]);
    return at;
  }

  /**
   * The address of a copy of these bytes.
   * @param {Uint8Array} bytes
   */
  put(bytes) {
    const at = this.take(bytes.length);
    this.memory.view(at, bytes.length).set(bytes);
    return at;
  }

  /**
   * A copy of the bytes at an address.
   * @param {number} at @param {number} len
   */
  read(at, len) {
    return this.memory.view(at, len).slice();
  }

  /** Wipe all of it, and give it back. */
  close() {
    for (const [at, len] of this.#taken.splice(0)) this.memory.give(at, len);
  }
}
