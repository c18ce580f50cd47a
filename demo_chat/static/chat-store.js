// @ts-check
/** What this browser keeps in IndexedDB: the sealed identity, and what every leaf that was seen was used for. */

const NAME = "hbss-chat", VERSION = 1;

/** @returns {Promise<IDBDatabase>} */
export function open() {
  const request = indexedDB.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("identity");
    request.result.createObjectStore("leaves").createIndex("expires", "expires");
  };
  return answer(request);
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
export function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** What leaves were used for, remembered until their certificate expires, whatever the page and its server do. */
export class Audit {
  #db;

  /** @param {IDBDatabase} db */
  constructor(db) {
    this.#db = db;
  }

  /**
   * Take note of a use; the use that was noted first, which is this one if all is well.
   * @param {string} leaf session key and number @param {string} use @param {number} expires
   * @returns {Promise<string>}
   */
  async note(leaf, use, expires) {
    const store = this.#db.transaction("leaves", "readwrite").objectStore("leaves");
    const known = await answer(store.get(leaf));
    if (known) return known.use;
    await answer(store.put({ use, expires }, leaf));
    return use;
  }

  /** What was noted of a leaf, if anything. @param {string} leaf @returns {Promise<string | undefined>} */
  async known(leaf) {
    return (await answer(this.#db.transaction("leaves").objectStore("leaves").get(leaf)))?.use;
  }

  /** @param {number} now */
  async forget(now) {
    const store = this.#db.transaction("leaves", "readwrite").objectStore("leaves");
    const old = await answer(store.index("expires").getAllKeys(IDBKeyRange.upperBound(now)));
    for (const key of old) store.delete(key);
  }
}
