// @ts-check
/**
 * The identity: a name and an SLH-DSA key, which is stateless, so it may be kept, copied and used in two tabs.
 *
 * The key lies in IndexedDB, sealed by an AES-GCM key that the browser does not hand out. That stops a copied export of
 * the database; it does not stop a script in the page, or malware. Whoever wants the key asks `use`, and it is wiped
 * afterwards.
 */
import { equal, join } from "./hbss-bytes.js";
import { IDENTITY_SET, Refusal, checkName, field, fingerprint, text, utf8 } from "./chat-protocol.js";
import { answer } from "./chat-store.js";

const OWN = "own", TAG = "hbss-chat/1 identity"; // the tag of a file also fixes its algorithms
const ROUNDS = 600_000, SALT = 16, IV = 12, RAW = 64, SEAL = 16;
export const PASSPHRASE = 8; // characters

/** @typedef {import("./hbss-client.js").HbssWorker} HbssWorker */
/** @typedef {import("./hbss-client.js").WorkerSlhDsaKey} Key */
/** @typedef {import("./hbss-client.js").Progress} Progress */
/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {{name: string, publicKey: Bytes, seal: CryptoKey, iv: Bytes, sealed: ArrayBuffer}} Kept */

export class Identity {
  #db;
  #kept;

  /** @param {IDBDatabase} db @param {Kept} kept @param {string} digits */
  constructor(db, kept, digits) {
    this.#db = db;
    this.#kept = kept;
    /** @readonly */ this.name = kept.name;
    /** @readonly */ this.publicKey = kept.publicKey;
    /** @readonly */ this.fingerprint = digits;
  }

  /**
   * The identity of this browser, if it has one.
   * @param {IDBDatabase} db
   * @returns {Promise<Identity | null>}
   */
  static async load(db) {
    const kept = await answer(db.transaction("identity").objectStore("identity").get(OWN));
    return kept ? new Identity(db, kept, await fingerprint(kept.publicKey)) : null;
  }

  /**
   * A new one.
   * @param {IDBDatabase} db @param {HbssWorker} hbss @param {string} name @param {Progress} [progress]
   */
  static async make(db, hbss, name, progress) {
    checkName(name);
    const key = await hbss.generate(IDENTITY_SET, { progress });
    return keep(db, name, key);
  }

  /**
   * The one in a file that `exported` made. Refusal if it is none, or if the passphrase is wrong.
   * @param {IDBDatabase} db @param {HbssWorker} hbss @param {Uint8Array} file @param {string} passphrase
   */
  static async imported(db, hbss, file, passphrase) {
    const { name, publicKey, salt, iv, header, sealed } = parse(file);
    checkName(name);
    const seal = await passwordKey(passphrase, salt), raw = await unseal(seal, iv, header, sealed).catch(() => {
      throw new Refusal("the passphrase is wrong, or the file was changed");
    });
    try {
      const key = await hbss.fromRaw(IDENTITY_SET, raw);
      if (!equal(key.publicKey, publicKey)) throw new Refusal("the file's two keys do not belong together");
      return await keep(db, name, key);
    } finally {
      raw.fill(0);
    }
  }

  /**
   * The private key for one act, and wiped after it.
   * @template T
   * @param {HbssWorker} hbss @param {(key: Key) => Promise<T>} act
   */
  async use(hbss, act) {
    const raw = await this.#open();
    const key = await hbss.fromRaw(IDENTITY_SET, raw).finally(() => raw.fill(0));
    return act(key).finally(() => key.wipe());
  }

  /**
   * A file that holds it under a passphrase: its header is name, public key, salt and iv, each a field, and is bound
   * to what is sealed behind it.
   * @param {string} passphrase
   */
  async exported(passphrase) {
    if ([...passphrase].length < PASSPHRASE) throw new Refusal(`a passphrase has at least ${PASSPHRASE} characters`);
    const salt = crypto.getRandomValues(new Uint8Array(SALT)), iv = crypto.getRandomValues(new Uint8Array(IV));
    const header = join(text(TAG), text(this.name), field(this.publicKey), field(salt), field(iv));
    const seal = await passwordKey(passphrase, salt), raw = await this.#open();
    try {
      return join(header, new Uint8Array(await crypto.subtle.encrypt(gcm(iv, header), seal, raw)));
    } finally {
      raw.fill(0);
    }
  }

  /** Another name for the same key. @param {string} name */
  async rename(name) {
    checkName(name);
    const raw = await this.#open();
    try {
      await write(this.#db, await sealed(name, this.publicKey, raw), true);
    } finally {
      raw.fill(0);
    }
  }

  /** Take it out of this browser; without an exported file it is lost. */
  async forget() {
    await answer(this.#db.transaction("identity", "readwrite").objectStore("identity").delete(OWN));
  }

  #open() {
    const { seal, iv, sealed: data, name, publicKey } = this.#kept;
    return unseal(seal, iv, about(name, publicKey), new Uint8Array(data));
  }
}

/** @param {IDBDatabase} db @param {string} name @param {Key} key which is wiped */
async function keep(db, name, key) {
  const raw = /** @type {Bytes} */ (await key.exportRaw()), publicKey = /** @type {Bytes} */ (key.publicKey);
  try {
    await write(db, await sealed(name, publicKey, raw), false);
  } finally {
    raw.fill(0);
    await key.wipe();
  }
  return /** @type {Identity} */ (await Identity.load(db)); // another tab may have been first
}

/** @param {string} name @param {Bytes} publicKey @param {Bytes} raw @returns {Promise<Kept>} */
async function sealed(name, publicKey, raw) {
  const seal = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(IV));
  return {
    name, publicKey, seal, iv, sealed: await crypto.subtle.encrypt(gcm(iv, about(name, publicKey)), seal, raw),
  };
}

/** @param {IDBDatabase} db @param {Kept} kept @param {boolean} over what is there */
async function write(db, kept, over) {
  const store = db.transaction("identity", "readwrite").objectStore("identity");
  if (over || !(await answer(store.getKey(OWN)))) await answer(store.put(kept, OWN));
}

/** @param {string} name @param {Uint8Array} publicKey */
function about(name, publicKey) {
  return join(text(TAG), text(name), field(publicKey));
}

/** @param {Bytes} iv @param {Uint8Array} about */
function gcm(iv, about) {
  return { name: "AES-GCM", iv, additionalData: /** @type {Bytes} */ (about) };
}

/** @param {CryptoKey} seal @param {Bytes} iv @param {Uint8Array} about @param {Bytes} data */
async function unseal(seal, iv, about, data) {
  return new Uint8Array(await crypto.subtle.decrypt(gcm(iv, about), seal, data));
}

/** @param {string} passphrase @param {Bytes} salt */
async function passwordKey(passphrase, salt) {
  const typed = /** @type {Bytes} */ (utf8(passphrase.normalize("NFC")));
  const base = await crypto.subtle.importKey("raw", typed, "PBKDF2", false, ["deriveKey"]);
  typed.fill(0);
  return crypto.subtle.deriveKey({ name: "PBKDF2", hash: "SHA-256", salt, iterations: ROUNDS }, base,
    { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** @param {Uint8Array} file */
function parse(file) {
  const wrong = new Refusal("this is no identity file of hbss-chat");
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 0;
  const next = (/** @type {number} */ longest) => {
    const length = at + 4 <= file.length ? view.getUint32(at) : Infinity;
    if (length > longest || at + 4 + length > file.length) throw wrong;
    at += 4 + length;
    return /** @type {Bytes} */ (file.slice(at - length, at));
  };
  const [tag, name, publicKey, salt, iv] = [next(64), next(300), next(32), next(SALT), next(IV)];
  const header = file.subarray(0, at), sealed = /** @type {Bytes} */ (file.slice(at));
  if (!equal(tag, utf8(TAG)) || publicKey.length !== 32 || salt.length !== SALT || iv.length !== IV ||
    sealed.length !== RAW + SEAL) throw wrong;
  return { name: new TextDecoder().decode(name), publicKey, salt, iv, header, sealed };
}
