// @ts-check
/**
 * What is signed, and what must hold of names and texts: the same bytes and rules as in demo_chat/protocol.py.
 *
 * Signed bytes are fields behind a fixed tag, each with its length in front, never JSON that was written again. The tag
 * also fixes the algorithms: no message chooses them.
 */
import { join, u32 } from "./hbss-bytes.js";

export const PROTOCOL = "hbss-chat/1";
export const IDENTITY_SET = "SLH-DSA-SHA2-128s";
export const SESSION_SET = "LMS_SHA256_M32_H10_W4";
export const LEAVES = 1024;
export const LIFETIME = 24 * 60 * 60 * 1000; // ms: the longest that a session key may be used
export const NO_MESSAGE = new Uint8Array(32); // `previous` of a session's first message
export const CERTIFICATE_CONTEXT = utf8("hbss-chat/1 cert");

const HELLO_TAG = "hbss-chat/1 hello", MESSAGE_TAG = "hbss-chat/1 msg";
const NAME_CHARACTERS = 32, TEXT_BYTES = 4000;
// Cc control, Cf format (bidi controls, zero-width characters, tags), Cs surrogates, Zl and Zp line ends, all spaces
// but the usual one, and letters and symbols that are drawn as nothing
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0\u2800]|(?! )\p{Zs}/u;
const WHITE = /^(?:(?!\ufeff)[\s\u001c-\u001f\u0085])*$/u; // what Python calls so
const KEY_HEADER = [0x30, 0x30, 0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 20, 3, 33, 0]; // RFC 9909, 128s

/** @typedef {{origin: string, room: string}} Place where something is said */
/**
 * What an identity key says of a session key: who uses it, where, and until when.
 * @typedef {{origin: string, name: string, identity: Uint8Array, session: Uint8Array, issued: number, expires: number,
 *   signature: Uint8Array}} Certificate
 */
/**
 * certificate: hash of its sender's; previous: of this session's previous message.
 * @typedef {{certificate: Uint8Array, leaf: number, id: Uint8Array, previous: Uint8Array, time: number, text: string,
 *   signature: Uint8Array}} Message
 */

/** Why something is not accepted: a sentence for people. */
export class Refusal extends Error {}

// ---- signed bytes

/** @param {string} value */
export function utf8(value) {
  return new TextEncoder().encode(value);
}

/** u32 length, big-endian, and the bytes. @param {Uint8Array} data */
export function field(data) {
  return join(u32(data.length), data);
}

/** A field of UTF-8. @param {string} value */
export function text(value) {
  return field(utf8(value));
}

/** A field of eight bytes, big-endian. @param {number} value */
export function number(value) {
  return field(join(u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32)));
}

/** What the identity key signs, with CERTIFICATE_CONTEXT. @param {Omit<Certificate, "signature">} certificate */
export function certificateBody({ origin, name, identity, session, issued, expires }) {
  return join(text(origin), text(name), field(identity), field(session), number(issued), number(expires));
}

/** How hellos and messages name their certificate, its signature included. @param {Certificate} certificate */
export function certificateHash(certificate) {
  return sha256(join(certificateBody(certificate), field(certificate.signature)));
}

/**
 * What the session key signs to be let in.
 * @param {Place} place @param {Uint8Array} certificate its hash @param {number} leaf @param {Uint8Array} challenge
 */
export function helloBytes(place, certificate, leaf, challenge) {
  return join(text(HELLO_TAG), text(place.origin), text(place.room), field(certificate), number(leaf),
    field(challenge));
}

/** What the session key signs of a message. @param {Place} place @param {Omit<Message, "signature">} message */
export function messageBytes(place, message) {
  return join(...messageFields(place, message).map((each) => field(each.bytes)));
}

/**
 * The fields of a message one by one, for those who want to see what was signed.
 * @param {Place} place @param {Omit<Message, "signature">} message
 */
export function messageFields({ origin, room }, message) {
  const { certificate, leaf, id, previous, time } = message;
  return [
    { name: "tag", shown: MESSAGE_TAG, bytes: utf8(MESSAGE_TAG) },
    { name: "origin", shown: origin, bytes: utf8(origin) },
    { name: "room", shown: room, bytes: utf8(room) },
    { name: "certificate", shown: hex(certificate), bytes: certificate },
    { name: "leaf", shown: String(leaf), bytes: number(leaf).subarray(4) },
    { name: "id", shown: hex(id), bytes: id },
    { name: "previous", shown: hex(previous), bytes: previous },
    { name: "time", shown: String(time), bytes: number(time).subarray(4) },
    { name: "text", shown: message.text, bytes: utf8(message.text) },
  ];
}

/**
 * What an auditor remembers of a leaf. The signature belongs to it: LMS hashes a randomiser with the message, so the
 * same bytes signed twice with two randomisers give away as much of a key as two messages do.
 * @param {Uint8Array} signed @param {Uint8Array} signature
 */
export function useOfLeaf(signed, signature) {
  return sha256(join(field(signed), field(signature)));
}

// ---- hashes

/** @param {Uint8Array} data @returns {Promise<Uint8Array>} */
export async function sha256(data) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", /** @type {Uint8Array<ArrayBuffer>} */ (data)));
}

/** SHA-256 of the key's DER form, in hexadecimal: `PublicKey.fingerprint()` in Python. @param {Uint8Array} identity */
export async function fingerprint(identity) {
  return hex(await sha256(join(new Uint8Array(KEY_HEADER), identity)));
}

/** 80 bits of a fingerprint, as people compare them: five groups of four digits. @param {string} digits */
export function short(digits) {
  return [0, 4, 8, 12, 16].map((at) => digits.slice(at, at + 4)).join(" ");
}

/** @param {Uint8Array} data */
export function hex(data) {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// ---- names and texts

/** Refusal unless the name shows all there is of it, in the one way to write it. @param {string} name */
export function checkName(name) {
  const { length } = [...name], unseen = UNSEEN.exec(name);
  if (length < 1 || length > NAME_CHARACTERS) {
    throw new Refusal(`a name has 1 to ${NAME_CHARACTERS} characters; this one has ${length}`);
  }
  if (unseen) {
    const code = /** @type {number} */ (unseen[0].codePointAt(0)).toString(16).toUpperCase().padStart(4, "0");
    throw new Refusal(`a name has no invisible characters; this one has U+${code}`);
  }
  if (/^ | $| {2}/.test(name)) throw new Refusal("a name has no spaces at its ends, and no two in a row");
  if (name.normalize("NFC") !== name) throw new Refusal("a name is written in Unicode's normal form C");
}

/** Refusal unless the text can be sent. @param {string} value */
export function checkText(value) {
  if (/\p{Cs}/u.test(value)) throw new Refusal("the text has a lone surrogate, which UTF-8 cannot write");
  const size = utf8(value).length;
  if (size > TEXT_BYTES) {
    throw new Refusal(`a text has at most ${TEXT_BYTES.toLocaleString("en")} bytes of UTF-8; this one has ` +
      size.toLocaleString("en"));
  }
  if (WHITE.test(value)) throw new Refusal("the text is empty");
}

/** The origin that a socket's address belongs to, as location.origin writes it. @param {string} url */
export function originOf(url) {
  return new URL(url.replace(/^ws/, "http")).origin;
}
