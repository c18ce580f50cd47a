// @ts-check
/**
 * Which keys a name is known to have, and what the user calls them. The first key that is seen under a name is
 * believed. Another one is another person, or a device that the user has not accepted yet. Keys are compared whole.
 */
import { Refusal, checkName, field, hex, sha256, text } from "./chat-protocol.js";
import { join } from "./hbss-bytes.js";

const PLACE = "hbss-chat names", PHRASE_TAG = "hbss-chat/1 safety phrase";
const GROUPS = 6, DIGITS = 5; // 30 digits: 99 bits

/** @typedef {{getItem(key: string): string | null, setItem(key: string, value: string): void}} Storage */

/** The names of this browser; tabs share them. */
export class Names {
  #storage;
  /** @type {Map<string, string[]>} name: keys */
  #known = new Map();
  /** @type {Map<string, string>} key: nickname */
  #nicknames = new Map();

  /** @param {Storage} storage */
  constructor(storage) {
    this.#storage = storage;
    this.reload();
  }

  /** What another tab may have changed. */
  reload() {
    const { known = [], nicknames = [] } = JSON.parse(this.#storage.getItem(PLACE) ?? "{}");
    this.#known = new Map(known);
    this.#nicknames = new Map(nicknames);
  }

  /** Whether the name has this key; a name that is new gets it. @param {string} name @param {Uint8Array} key */
  knows(name, key) {
    const digits = hex(key);
    this.reload();
    if (this.#nicknames.has(digits)) return true;
    if (this.isTaken(name, key)) return false;
    if (!this.#known.has(name)) this.accept(name, key);
    return true;
  }

  /** Whether it is somebody else's, as a name or as a nickname. @param {string} name @param {Uint8Array} [key] */
  isTaken(name, key) {
    const digits = key && hex(key), keys = this.#known.get(name);
    return (keys !== undefined && !keys.some((each) => each === digits)) ||
      [...this.#nicknames].some(([other, nickname]) => nickname === name && other !== digits);
  }

  /** The name has this key too: a new device. @param {string} name @param {Uint8Array} key */
  accept(name, key) {
    this.reload();
    this.#known.set(name, [...new Set([...(this.#known.get(name) ?? []), hex(key)])]);
    this.#save();
  }

  /** One's own name, whoever had it before. @param {string} name @param {Uint8Array} key */
  claim(name, key) {
    this.reload();
    if (this.isTaken(name, key)) this.#known.delete(name);
    this.#save();
    this.accept(name, key);
  }

  /** What the user calls the owner of a key; "" for nothing any more. @param {Uint8Array} key @param {string} name */
  call(key, name) {
    const digits = hex(key);
    this.reload();
    if (name) checkName(name);
    if (name && this.isTaken(name, key)) throw new Refusal(`${name} is somebody else here; choose another nickname`);
    if (name) this.#nicknames.set(digits, name);
    else this.#nicknames.delete(digits);
    this.#save();
  }

  /** @param {Uint8Array} key */
  nickname(key) {
    return this.#nicknames.get(hex(key)) ?? "";
  }

  /**
   * How somebody is shown: by nickname, by name, or as another of that name.
   * @param {string} name @param {Uint8Array} key
   * @returns {{name: string, stated: string, another: boolean}} stated: the name, if a nickname stands in its place
   */
  title(name, key) {
    const nickname = this.nickname(key);
    return { name: nickname || name, stated: nickname ? name : "", another: !nickname && this.isTaken(name, key) };
  }

  #save() {
    this.#storage.setItem(PLACE, JSON.stringify({ known: [...this.#known], nicknames: [...this.#nicknames] }));
  }
}

/**
 * What two people read to each other: the same digits on both sides if, and only if, each has the other's key.
 * @param {Uint8Array} mine @param {Uint8Array} theirs
 */
export async function safetyPhrase(mine, theirs) {
  const [low, high] = hex(mine) < hex(theirs) ? [mine, theirs] : [theirs, mine];
  const digest = hex(await sha256(join(text(PHRASE_TAG), field(low), field(high))));
  const digits = String(BigInt(`0x${digest}`) % 10n ** BigInt(GROUPS * DIGITS)).padStart(GROUPS * DIGITS, "0");
  return Array.from({ length: GROUPS }, (_, i) => digits.slice(i * DIGITS, (i + 1) * DIGITS)).join(" ");
}
