// @ts-check
/** The Worker of hbss-client.js: how it is started, and questions to it, whose answers are promises. */
import { WorkerLost, unpack } from "./hbss-errors.js";

const SCRIPT = new URL("hbss-worker.js", import.meta.url).href;

/** @typedef {(done: number, total: number) => void} Progress */
/** @typedef {{resolve: (result: any) => void, reject: (error: Error) => void, progress?: Progress}} Waiting */

/** Where the Worker begins: its script, or, as a Worker must be of the page's own origin, a line that imports it. */
function address() {
  if (new URL(SCRIPT).origin === location.origin) return SCRIPT;
  return URL.createObjectURL(new Blob([`import ${JSON.stringify(SCRIPT)};`], { type: "text/javascript" }));
}

/** Where trusted types are required, an address comes from a policy. It is made at once, so that nobody else can. */
function policy() {
  try {
    return /** @type {any} */ (globalThis).trustedTypes?.createPolicy("hbss-worker", { createScriptURL: address });
  } catch {
    return undefined; // it is not allowed: if it is needed, the Worker will say so
  }
}
const trusted = policy();

/** The Worker, on its way; WorkerLost if the page may not start it. */
export function begin() {
  try {
    return new Worker(trusted ? trusted.createScriptURL("") : address(), { type: "module" });
  } catch (error) {
    throw new WorkerLost(`the Worker of hbss cannot be started (trusted types: allow hbss-worker): ${error}`);
  }
}

/** A Worker, and what it was asked. */
export class Channel {
  #worker;
  #asked = 0;
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  /** @type {WorkerLost | null} */
  #lost = null;

  /** @param {Worker} worker */
  constructor(worker) {
    this.#worker = worker;
    this.#worker.onmessage = (event) => this.#answer(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.end(new WorkerLost(`the Worker of hbss does not run: ${event.message || "its script could not be loaded"}`));
    };
  }

  /**
   * Ask for a method of hbss, or of the key with this number.
   * @param {number | undefined} key @param {string} method @param {any[]} args @param {Progress} [progress]
   * @returns {Promise<any>}
   */
  ask(key, method, args, progress) {
    return new Promise((resolve, reject) => {
      if (this.#lost) return reject(this.#lost);
      const id = ++this.#asked;
      this.#waiting.set(id, { resolve, reject, progress });
      try {
        this.#worker.postMessage({ id, key, method, args, progress: progress !== undefined });
      } catch (error) {
        this.#waiting.delete(id);
        reject(new TypeError(`what ${method} was given cannot be sent to a Worker: ${error}`));
      }
    });
  }

  /**
   * End the Worker, and let everyone who waits know why.
   * @param {WorkerLost} error
   */
  end(error) {
    this.#lost ??= error;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
  }

  /** @param {any} data */
  #answer({ id, result, error, progress }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (progress) {
      waiting.progress?.(progress[0], progress[1]);
      return;
    }
    this.#waiting.delete(id);
    if (error) waiting.reject(unpack(error));
    else waiting.resolve(result);
  }
}
