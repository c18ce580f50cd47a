// @ts-check
/**
 * What a receiver does with all that the server says: it believes nothing that it has not verified itself. Nothing is
 * dropped in silence: a message that fails is shown as failed. The server's word is only who is online, and in which
 * order messages of different senders came.
 */
import {
  CERTIFICATE_CONTEXT, IDENTITY_SET, LIFETIME, Refusal, SESSION_SET, certificateBody, certificateHash, checkName,
  helloBytes, hex, messageBytes, sha256, useOfLeaf, utf8,
} from "./chat-protocol.js";
import { Malformed, write } from "./chat-frames.js";
import { equal } from "./hbss-bytes.js";
import { BadKey, InvalidSignature } from "./hbss-errors.js";

/** @typedef {import("./chat-protocol.js").Certificate} Certificate */
/** @typedef {import("./chat-protocol.js").Message} Message */
/** @typedef {import("./chat-protocol.js").Place} Place */
/** @typedef {import("./hbss-client.js").HbssWorker} HbssWorker */
/** @typedef {"verified" | "failed" | "another" | "reused" | "gap" | "waiting" | "refused"} Badge */
/**
 * A message as it is to be shown. name and identity are proven unless the badge is "failed".
 * @typedef {object} Seen
 * @property {Badge} badge
 * @property {string} note a sentence, or nothing
 * @property {string} name
 * @property {Uint8Array | null} identity
 * @property {string} text
 * @property {number} time of the sender
 * @property {Message | null} message
 * @property {Certificate | null} certificate
 * @property {Uint8Array | null} signed bytes
 * @property {number} verifying how long it took, in ms
 * @property {number} [signing] of one's own
 */
/** @typedef {{certificate: Certificate, wrong: string}} Known wrong: why it does not hold, or "" */

const OTHERWISE = "the signature does not belong to these bytes and the session key";

/** One receiver, for as long as its page lives. It takes one message at a time. */
export class Reader {
  #hbss;
  #place;
  #names;
  #audit;
  /** @type {Map<string, Known>} certificates, by hash */
  #certificates = new Map();
  /** @type {Set<string>} what was shown: the uses of each leaf, of which an honest one has one */
  #shown = new Set();
  /** @type {Map<string, Uint8Array>} session key: hash of its last message */
  #last = new Map();
  /** @type {Set<string>} what was shown as failed */
  #failed = new Set();

  /**
   * @param {HbssWorker} hbss @param {Place} place @param {import("./chat-trust.js").Names} names
   * @param {import("./chat-store.js").Audit} audit
   */
  constructor(hbss, place, names, audit) {
    this.#hbss = hbss;
    this.#place = place;
    this.#names = names;
    this.#audit = audit;
  }

  /** Take note of a certificate, good or bad. @param {Certificate} certificate @returns {Promise<string>} its hash */
  async certificate(certificate) {
    const hash = hex(await certificateHash(certificate));
    if (!this.#certificates.has(hash)) {
      const wrong = await why(this.#checkCertificate(certificate));
      this.#certificates.set(hash, { certificate, wrong });
      if (!wrong) this.#names.knows(certificate.name, certificate.identity);
    }
    return hash;
  }

  /**
   * How a message is to be shown; null if it was shown before.
   * @param {Message | Malformed} message
   * @returns {Promise<Seen | null>}
   */
  async message(message) {
    const seen = await this.inspect(message), { certificate, signed } = seen;
    if (seen.badge === "failed" || !certificate || !signed || !seen.message) return this.#onlyOnce(seen);
    const use = hex(await useOfLeaf(signed, seen.message.signature)), session = hex(certificate.session);
    const leaf = `${session}/${seen.message.leaf}`;
    if (this.#shown.has(`${leaf}/${use}`)) return null;
    this.#shown.add(`${leaf}/${use}`);
    const first = await this.#audit.note(leaf, use, certificate.expires);
    if (first !== use) await this.#expose(certificate, seen.message.leaf);
    return { ...seen, ...(await this.#judge(certificate, session, seen.message, signed)) };
  }

  /** Of a message that verifies. @param {Certificate} certificate @param {string} session
   * @param {Message} message @param {Uint8Array} signed @returns {Promise<{badge: Badge, note: string}>} */
  async #judge({ name, identity }, session, message, signed) {
    const last = this.#last.get(session), reused = await this.#audit.known(`${session}/reused`);
    this.#last.set(session, await sha256(signed));
    if (reused) {
      return { badge: "reused", note: twice(Number(reused)) };
    }
    if (!this.#names.knows(name, identity)) {
      return { badge: "another", note: `this is another ${name} than the one you know by this name` };
    }
    if (last && !equal(last, message.previous)) {
      return { badge: "gap", note: "messages of this session before this one are missing, or not in their order" };
    }
    return { badge: "verified", note: "" };
  }

  /** Whether a message holds, without remembering it. @param {Message | Malformed} message @returns {Promise<Seen>} */
  async inspect(message) {
    if (message instanceof Malformed) return failed(`the message cannot be read: ${message.message}`);
    const known = this.#certificates.get(hex(message.certificate)), begun = performance.now();
    if (!known) return failed("the server has not shown the certificate", message);
    const signed = messageBytes(this.#place, message), { certificate, wrong } = known;
    const note = wrong || await why(this.#checkMessage(certificate, message, signed));
    const verifying = performance.now() - begun;
    if (note) return { ...failed(note, message), name: wrong ? "" : certificate.name, certificate, signed, verifying };
    return {
      badge: "verified", note: "", name: certificate.name, identity: certificate.identity, text: message.text,
      time: message.time, message, certificate, signed, verifying,
    };
  }

  /**
   * The server says that a leaf signed two things, and shows both: believed if both verify.
   * @param {{certificate: Certificate, leaf: number, first: any, second: any}} frame
   * @returns {Promise<{believed: boolean, name: string, identity: Uint8Array, note: string}>}
   */
  async reuse(frame) {
    const { certificate, leaf } = frame, { name, identity } = certificate;
    const hash = await this.certificate(certificate), wrong = this.#certificates.get(hash)?.wrong;
    /** @type {string[]} */
    const uses = [];
    const note = wrong || await why((async () => {
      for (const half of [frame.first, frame.second]) uses.push(await this.#evidence(hash, certificate, leaf, half));
      if (uses[0] === uses[1]) throw new Refusal("it is the same one twice");
    })());
    if (note) {
      return { believed: false, name, identity, note: `the server says that a leaf was used twice, but: ${note}` };
    }
    await this.#expose(certificate, leaf);
    return { believed: true, name, identity, note: twice(leaf) };
  }

  /** Remember that a session is not to be trusted. @param {Certificate} certificate @param {number} leaf */
  async #expose({ session, expires }, leaf) {
    await this.#audit.note(`${hex(session)}/reused`, String(leaf), expires);
  }

  /** What failed is shown, though not each time that the server sends its history. @param {Seen} seen */
  async #onlyOnce(seen) {
    const { message } = seen, what = message && hex(await sha256(utf8(write(message))));
    if (what && this.#failed.has(what)) return null;
    if (what) this.#failed.add(what);
    return seen;
  }

  /** What a leaf was used for, by half of the evidence, verified.
   * @param {string} hash @param {Certificate} certificate @param {number} leaf @param {any} half */
  async #evidence(hash, certificate, leaf, half) {
    const one = half.message ?? half.hello;
    if (one.leaf !== leaf || (half.message && hex(one.certificate) !== hash)) {
      throw new Refusal("a half of it is of another certificate or leaf");
    }
    const own = await certificateHash(certificate);
    const signed = half.message ? messageBytes(this.#place, one) : helloBytes(this.#place, own, leaf, one.challenge);
    await this.#checkSigned(certificate, signed, leaf, one.signature);
    return hex(await useOfLeaf(signed, one.signature));
  }

  /** @param {Certificate} certificate */
  async #checkCertificate(certificate) {
    const { origin, name, identity, issued, expires, signature } = certificate;
    if (origin !== this.#place.origin) {
      throw new Refusal(`the certificate is for ${origin}, and this is ${this.#place.origin}`);
    }
    checkName(name);
    if (!(issued < expires && expires <= issued + LIFETIME)) {
      throw new Refusal("a certificate is valid for some time, and for 24 hours at most");
    }
    const context = CERTIFICATE_CONTEXT;
    await this.#verify(IDENTITY_SET, identity, certificateBody(certificate), signature, { context },
      "the certificate's signature is not one by its identity key");
  }

  /** @param {Certificate} certificate @param {Message} message @param {Uint8Array} signed */
  async #checkMessage(certificate, { time, leaf, signature }, signed) {
    if (time < certificate.issued || time > certificate.expires) {
      throw new Refusal("the message's time lies outside its certificate");
    }
    await this.#checkSigned(certificate, signed, leaf, signature);
  }

  /** @param {Certificate} certificate @param {Uint8Array} signed @param {number} leaf @param {Uint8Array} signature */
  async #checkSigned({ session }, signed, leaf, signature) {
    const made = new DataView(signature.buffer, signature.byteOffset).getUint32(4); // u32(0), then q
    if (made !== leaf) throw new Refusal(`leaf ${leaf} is stated, and leaf ${made} made the signature`);
    await this.#verify(SESSION_SET, session, signed, signature, {}, OTHERWISE);
  }

  /** @param {string} set @param {Uint8Array} key @param {Uint8Array} data @param {Uint8Array} signature
   * @param {{context?: Uint8Array}} options @param {string} otherwise */
  async #verify(set, key, data, signature, options, otherwise) {
    try {
      await this.#hbss.verify(set, key, data, signature, options);
    } catch (error) {
      if (error instanceof InvalidSignature) throw new Refusal(otherwise);
      if (error instanceof BadKey) throw new Refusal(`the key cannot be used: ${error.message}`);
      throw error;
    }
  }
}

/** @param {number} leaf */
function twice(leaf) {
  return `leaf ${leaf} of this session has signed two different things; do not trust the session`;
}

/** Why a check fails, or "". @param {Promise<void>} check */
async function why(check) {
  try {
    await check;
    return "";
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

/** @param {string} note @param {Message | null} [message] @returns {Seen} */
function failed(note, message = null) {
  return {
    badge: "failed", note, name: "", identity: null, text: message?.text ?? "", time: message?.time ?? NaN, message,
    certificate: null, signed: null, verifying: 0,
  };
}
