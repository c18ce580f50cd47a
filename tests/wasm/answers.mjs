/**
 * Known answers: every task is asked of hbss, and its answer, or the name of the error, goes back. The same in Node
 * (node.mjs) and in a page. Seeds and randomness that a vector fixes come in where fresh ones would.
 */
import { Core, compile } from "../../demo_chat/static/hbss-core.js";
import { Key } from "../../demo_chat/static/hbss-expanded.js";
import { Hbss } from "../../demo_chat/static/hbss.js";

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** An instance whose memory a test can look at. */
export async function instance() {
  const core = new Core(await WebAssembly.instantiate(await compile()));
  return { core, hbss: new Hbss(core) };
}

/** Call `act` while the system's randomness is these bytes, in order; asking for more or less is an error. */
export async function withRandomness(bytes, act) {
  let left = bytes;
  crypto.getRandomValues = (array) => {
    if (array.length > left.length) throw new Error(`${array.length} random bytes were asked for`);
    array.set(left.subarray(0, array.length));
    left = left.subarray(array.length);
    return array;
  };
  try {
    const result = await act();
    if (left.length) throw new Error(`${left.length} random bytes were not asked for`);
    return result;
  } finally {
    delete crypto.getRandomValues; // its prototype has the real one
  }
}

const ACTS = {
  verify({ hbss }, { kind, publicKey, message, signature, context }) {
    hbss.verify(kind, unhex(publicKey), unhex(message), unhex(signature), context ? { context: unhex(context) } : {});
    return "good";
  },
  /** SLH-DSA's internal interface: the message is M'. */
  verifyEncoded({ core }, { kind, publicKey, message, signature }) {
    core.within((room) =>
      Key.fromPublic(core, room, "SLH-DSA", core.row(kind), unhex(publicKey))
        .verify(unhex(signature), [unhex(message)]));
    return "good";
  },
  async fromRaw({ hbss }, { set, raw }) {
    const key = await hbss.fromRaw(set, unhex(raw)), found = [hex(key.publicKey), hex(key.exportRaw())];
    key.wipe();
    return found;
  },
  /** Signatures of a new SLH-DSA key: their SHA-256. */
  async sign({ hbss }, { set, seeds, jobs }) {
    const key = await withRandomness(unhex(seeds), () => hbss.generate(set)), found = [];
    for (const { message, context, random } of jobs) {
      const options = { context: unhex(context), deterministic: random === null };
      found.push(await withRandomness(unhex(random ?? ""), () => key.sign(unhex(message), options)));
    }
    key.wipe();
    return found.map((signature) => hex(hbss.sha256(signature)));
  },
  /** A stateful key's public key, and its signatures at ascending leaves. */
  async stateful({ hbss }, { set, seeds, jobs }) {
    const create = set.startsWith("LMS") ? "createLms" : "createXmss";
    const key = await withRandomness(unhex(seeds), () => hbss[create](set)), found = [hex(key.publicKey)];
    for (const [index, message] of jobs) {
      let leaf;
      do leaf = key.reserve(); while (leaf < index);
      found.push(hex(key.sign(leaf, unhex(message))));
    }
    key.wipe();
    return found;
  },
  /** A one-time key of these seeds: its public key, its signature, and where that leads. */
  async oneTime({ hbss }, { set, seeds, digest }) {
    const key = await withRandomness(unhex(seeds), () => hbss.generateOneTime(set)), value = unhex(digest);
    const values = key.sign(value), led = hbss.otsRecover(set, key.publicSeed, 0, value, values);
    key.wipe();
    return [key.publicSeed, key.publicKey, values, led].map(hex);
  },
  parents: ({ hbss }, { set, seed, height, index, children }) =>
    hex(hbss.parents(set, unhex(seed), height, index, unhex(children))),
  climb: ({ hbss }, { set, seed, leaf, node, path }) =>
    hex(hbss.climb(set, unhex(seed), leaf, unhex(node), unhex(path))),
  sha256: ({ hbss }, { data }) => hex(hbss.sha256(unhex(data))),
  explain({ hbss }, { publicKey, message, signature }) {
    const found = hbss.explain(unhex(publicKey), unhex(message), unhex(signature));
    return JSON.parse(JSON.stringify(found, (_, value) => (value instanceof Uint8Array ? hex(value) : value)));
  },
  sets: ({ hbss }) => hbss.sets(),
};

/** The answers to tasks {act, ...}. */
export async function answers(tasks) {
  const found = [], subject = await instance();
  for (const task of tasks) {
    try {
      found.push(await ACTS[task.act](subject, task));
    } catch (error) {
      found.push(error.name === "Error" ? String(error.stack) : error.name);
    }
  }
  return found;
}
