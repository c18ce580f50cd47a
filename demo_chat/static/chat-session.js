// @ts-check
/**
 * A session: an LMS key that lives in the Worker as long as this page, its certificate, and the chain of its messages.
 *
 * Its state is never stored. A reload, a second tab or a crash makes a new key, so no leaf can sign twice: what makes
 * stateful keys hard to keep is avoided, not managed.
 */
import {
  CERTIFICATE_CONTEXT, LIFETIME, NO_MESSAGE, SESSION_SET, certificateBody, certificateHash, helloBytes,
  messageBytes, sha256,
} from "./chat-protocol.js";

export const RENEW_AT = 900; // leaf: the next key is made in the background while the rest is used
const RENEW_BEFORE = 60 * 60 * 1000; // ms before the certificate expires

/** @typedef {import("./chat-protocol.js").Certificate} Certificate */
/** @typedef {import("./chat-protocol.js").Message} Message */
/** @typedef {import("./chat-protocol.js").Place} Place */
/** @typedef {import("./hbss-client.js").HbssWorker} HbssWorker */

export class Session {
  #key;
  #place;
  /** @type {number | null} kept for its hello */
  #first;
  #next;

  /**
   * @param {import("./hbss-client.js").WorkerStatefulKey} key @param {Place} place
   * @param {Certificate} certificate @param {Uint8Array} hash @param {number} first its first leaf
   */
  constructor(key, place, certificate, hash, first) {
    this.#key = key;
    this.#place = place;
    this.#first = first;
    this.#next = first + 1;
    /** @readonly */ this.certificate = certificate;
    /** @readonly of the certificate */ this.hash = hash;
    /** whether the server has let it in */ this.introduced = false;
    /** whether it never will again */ this.spoiled = false;
    /** @type {Uint8Array} what the next message follows */ this.previous = NO_MESSAGE;
    /** @type {Uint8Array} the last message that is in the room */ this.accepted = NO_MESSAGE;
  }

  /**
   * A new one, certified by the identity.
   * @param {HbssWorker} hbss @param {import("./chat-identity.js").Identity} identity @param {Place} place
   * @param {import("./hbss-client.js").Progress} [progress]
   */
  static async make(hbss, identity, place, progress) {
    const part = (/** @type {number} */ from, /** @type {number} */ to) => progress &&
      ((/** @type {number} */ done, /** @type {number} */ total) => progress(from + ((to - from) * done) / total, 1));
    const key = await hbss.createLms(SESSION_SET, { progress: part(0, 0.4) }), issued = Date.now();
    const body = {
      origin: place.origin, name: identity.name, identity: identity.publicKey, session: key.publicKey, issued,
      expires: issued + LIFETIME,
    };
    const signature = await identity.use(hbss, (long) =>
      long.sign(certificateBody(body), { context: CERTIFICATE_CONTEXT, progress: part(0.5, 1) }));
    const certificate = { ...body, signature };
    return new Session(key, place, certificate, await certificateHash(certificate), await key.reserve());
  }

  /** Leaves that can still sign. */
  get remaining() {
    return this.#key.remaining;
  }

  /** Whether the next session should be made. */
  get due() {
    return this.spoiled || this.#next >= RENEW_AT || Date.now() > this.certificate.expires - RENEW_BEFORE;
  }

  /** Whether nothing more can be signed with it. */
  get over() {
    return this.spoiled || this.remaining === 0 || Date.now() >= this.certificate.expires;
  }

  /** The frame that introduces it on a connection: by its first leaf, and by a new one for every other challenge.
   * @param {Uint8Array} challenge */
  async hello(challenge) {
    const leaf = this.#first ?? await this.#reserve();
    this.#first = null;
    const signature = await this.#key.sign(leaf, helloBytes(this.#place, this.hash, leaf, challenge));
    return { type: "hello", certificate: this.certificate, leaf, signature };
  }

  /**
   * A signed message, and how long signing took.
   * @param {{id: Uint8Array, time: number, text: string}} content
   */
  async message({ id, time, text }) {
    const begun = performance.now(), leaf = await this.#reserve();
    const since = Math.max(time, this.certificate.issued); // it may have been typed before this session was made
    const unsigned = { certificate: this.hash, leaf, id, previous: this.previous, time: since, text };
    const signed = messageBytes(this.#place, unsigned), signature = await this.#key.sign(leaf, signed);
    const signing = performance.now() - begun;
    const follows = this.previous = await sha256(signed);
    return { message: { ...unsigned, signature }, follows, signing };
  }

  async #reserve() {
    const leaf = await this.#key.reserve();
    this.#next = leaf + 1;
    return leaf;
  }

  /** Clear the key. */
  wipe() {
    return this.#key.wipe();
  }
}
