// @ts-check
/**
 * What private keys have in common: memory that is wiped, and long work in slices, between which whatever else this
 * thread has to do has its turn.
 */
import { HandleDead } from "./hbss-errors.js";

const SLICE = 8; // milliseconds of work until others have their turn

/** @typedef {import("./hbss-core.js").Core} Core */
/** @typedef {import("./hbss-memory.js").Room} Room */
/** @typedef {import("./hbss-expanded.js").Work} Work */
/** @typedef {(done: number, total: number) => void} Progress */

/** The end of a turn: messages and timers that wait come first. (A timer would wait 4 ms by itself.) */
function turn() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve(undefined);
    };
    port2.postMessage(null);
  });
}

/** The memory of a private key. */
export class Secret {
  #room;
  #wiped = false;

  /** @param {Room} room */
  constructor(room) {
    this.#room = room;
  }

  /** HandleDead if the key was wiped. */
  check() {
    if (this.#wiped) throw new HandleDead("this key was wiped, and signs no more");
  }

  /**
   * Do long work in slices; HandleDead if the key is wiped meanwhile: then no further step of it is done.
   * @param {Work} work @param {Progress} [progress]
   */
  async during(work, progress) {
    let start = performance.now();
    for (const [done, total] of work) {
      if (performance.now() - start < SLICE && done < total) continue;
      progress?.(done, total);
      await turn();
      this.check();
      start = performance.now();
    }
  }

  wipe() {
    this.#wiped = true;
    this.#room.close();
  }
}

/** @type {FinalizationRegistry<Secret>} */
const forgotten = new FinalizationRegistry((secret) => secret.wipe());

/** What all private keys have in common. Nothing else of a key can be reached from outside, no seed and no leaf. */
export class PrivateKey {
  #secret;

  /** @param {Secret} secret @param {string} set @param {Uint8Array} publicKey */
  constructor(secret, set, publicKey) {
    this.#secret = secret;
    /** @readonly the name of the parameter set */
    this.set = set;
    /** @readonly as its standard writes it, LMS in HSS form: u32(1) || LMS key */
    this.publicKey = publicKey;
    forgotten.register(this, secret);
  }

  /** Clear the key's memory. It signs no more; a signature that is being made comes to nothing. */
  wipe() {
    this.#secret.wipe();
  }
}

/**
 * Make a key in memory of its own, which is wiped if that fails.
 * @template T
 * @param {Core} core @param {(room: Room, secret: Secret) => Promise<T>} make
 */
export async function making(core, make) {
  const room = core.room(), secret = new Secret(room);
  try {
    return await make(room, secret);
  } catch (error) {
    secret.wipe();
    throw error;
  }
}
