// @ts-check
/**
 * hbss in a module Worker: does what hbss-client.js asks for. Private keys live here, and only `exportRaw` lets one
 * out. Long work is done in slices, and a verification that comes meanwhile is answered in between.
 *
 * A request is {id, key, method, args, progress}, where `key` is a key's number or nothing. The answer is {id, result}
 * or {id, error}; before it come, if progress was asked for, any number of {id, progress: [done, total]}. Of a new key
 * the result is its number and all that is public of it.
 */
import { HandleDead, HbssError, load, pack } from "./hbss.js";

const OF_HBSS = new Set([
  "sets", "verify", "sha256", "explain", "otsRecover", "parents", "climb", "generate", "fromRaw", "createLms",
  "createXmss", "generateOneTime",
]);
const OF_KEYS = new Set(["sign", "reserve", "nodes", "exportRaw", "wipe"]);

/** @type {Promise<import("./hbss.js").Hbss>} */
let loaded;
/** @type {Map<number, any>} */
const keys = new Map();
let made = 0;

/** @param {MessageEvent} event */
self.onmessage = async ({ data: { id, key, method, args, progress } }) => {
  if (progress) {
    args[args.length - 1].progress = (/** @type {number} */ done, /** @type {number} */ total) =>
      self.postMessage({ id, progress: [done, total] });
  }
  try {
    const result = await act(key, method, args);
    const moved = result instanceof Uint8Array ? [result.buffer] : [];
    self.postMessage({ id, result }, { transfer: moved });
  } catch (error) {
    self.postMessage({ id, error: pack(error) });
  }
};

/**
 * @param {number | undefined} number of a key
 * @param {string} method @param {any[]} args
 */
async function act(number, method, args) {
  if (method === "load") return void (await (loaded = load(...args)));
  if (method === "close") return keys.forEach((key) => key.wipe());
  if (number !== undefined) return use(number, method, args);
  if (!OF_HBSS.has(method)) throw new HbssError(`the Worker knows no ${method}`);
  const hbss = /** @type {any} */ (await loaded), result = await hbss[method](...args);
  if (method === "fromRaw") args[1].fill(0); // the copy that came with the message
  return result?.wipe ? keep(result) : result;
}

/** @param {any} key */
function keep(key) {
  keys.set(++made, key);
  const { set, publicKey, publicSeed, height, remaining } = key;
  return { number: made, set, publicKey, publicSeed, height, remaining };
}

/** @param {number} number @param {string} method @param {any[]} args */
function use(number, method, args) {
  const key = keys.get(number);
  if (!key) throw new HandleDead("this key was wiped, and signs no more");
  if (!OF_KEYS.has(method)) throw new HbssError(`a key in the Worker knows no ${method}`);
  if (method === "wipe") keys.delete(number);
  return key[method](...args);
}
