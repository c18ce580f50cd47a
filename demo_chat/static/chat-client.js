// @ts-check
/** One user in one room: what comes from the server is read and shown, what is typed is said. */
import { $, el, sentence } from "./chat-dom.js";
import { Connection } from "./chat-connection.js";
import { Details } from "./chat-details.js";
import { Malformed, read } from "./chat-frames.js";
import { PROTOCOL, fingerprint, hex, originOf } from "./chat-protocol.js";
import { Reader } from "./chat-reader.js";
import { Session } from "./chat-session.js";
import { Speaker } from "./chat-speaker.js";
import { View } from "./chat-view.js";
import { equal } from "./hbss-bytes.js";

/** @typedef {import("./chat-speaker.js").Item} Item */
/** @typedef {import("./chat-reader.js").Seen} Seen */
/** @typedef {import("./chat-connection.js").Link} Link */
/** @typedef {import("./chat-view.js").Person} Person */
/** @typedef {import("./chat-view.js").Row} Row */
/**
 * @typedef {object} Parts what a client is made of
 * @property {import("./hbss-client.js").HbssWorker} hbss
 * @property {import("./chat-identity.js").Identity} identity
 * @property {import("./chat-trust.js").Names} names
 * @property {import("./chat-store.js").Audit} audit
 */

const KEPT = "What you write is kept, and sent once the connection is back.";
const ALONE = "Single-user mode: the server cannot be reached, so nobody else reads this. Your messages are signed " +
  "and verified here, and sent when it is back.";
const OUT = "The server does not let you in. Your messages wait here; it is asked again from time to time.";
const STATES = {
  connecting: "connecting …", online: "online", lost: "reconnecting …", alone: "alone", out: "not let in",
  stopped: "stopped",
};

export class Client {
  #parts;
  #place;
  #reader;
  #view;
  #details;
  #connection;
  #speaker;
  /** @type {Map<Item, Row>} what has no answer yet */
  #own = new Map();
  /** @type {Map<string, Person>} */
  #online = new Map();
  /** @type {Set<string>} sessions and leaves whose evidence is shown: it comes with every welcome */
  #attacks = new Set();
  /** @type {Map<string, string>} fingerprints of keys */
  #fingerprints = new Map();
  /** @type {Promise<void>} what comes is taken one after another */
  #turns = Promise.resolve();
  #met = false; // the room's name is known
  #kind = "connecting";

  /**
   * @param {Parts} parts @param {string} url of the socket
   * @param {import("./hbss-client.js").Progress} progress of the session's key
   */
  static async start(parts, url, progress) {
    const place = { origin: originOf(url), room: "main" }; // until the server says which room it is
    const session = await Session.make(parts.hbss, parts.identity, place, progress);
    const client = new Client(parts, url, place, session);
    await client.#reader.certificate(session.certificate);
    await client.#learn(parts.identity.publicKey);
    client.#connection.start();
    return client;
  }

  /**
   * @param {Parts} parts @param {string} url @param {import("./chat-protocol.js").Place} place
   * @param {Session} session
   */
  constructor(parts, url, place, session) {
    const { hbss, identity, names, audit } = parts, own = identity.publicKey;
    const digits = (/** @type {Uint8Array} */ key) => this.#fingerprints.get(hex(key)) ?? "";
    this.#parts = parts;
    this.#place = place;
    this.#reader = new Reader(hbss, place, names, audit);
    this.#details = new Details({ hbss, place, names, own, fingerprint: digits, renamed: () => this.renamed() });
    this.#view = new View({
      own, fingerprint: digits, title: (name, key) => names.title(name, key),
      message: (row) => this.#details.message(row), person: (person) => this.#details.person(person),
      again: (text) => writeAgain(text),
    });
    this.#connection = new Connection(url, (link, data) => this.#heard(link, data), (state) => this.#state(state));
    this.#speaker = new Speaker(session, () => this.#nextSession(), {
      signed: (item) => void this.#signed(item),
      answered: (item, answer) => this.#inTurn(() => this.#answered(item, answer)),
      broken: (error) => this.broken(error),
    });
  }

  /** Say something; Refusal if it cannot be sent. @param {string} text */
  say(text) {
    const item = this.#speaker.say(text), { name, publicKey: identity } = this.#parts.identity;
    const row = this.#view.add({
      badge: "waiting", note: "", name, identity, text, time: item.time, message: null, certificate: null, signed: null,
      verifying: 0,
    });
    this.#own.set(item, row);
    row.element.scrollIntoView({ block: "end" });
  }

  /** How many texts have no answer yet. */
  get waiting() {
    return this.#speaker.waiting;
  }

  /** Try to connect at once. */
  retry() {
    this.#connection.retry();
  }

  /** Names changed, here or in another tab. */
  renamed() {
    this.#parts.names.reload();
    this.#view.rename([...this.#online.values()]);
  }

  /** The Worker is gone, or a mistake of this page: nothing is hidden. @param {unknown} error */
  broken(error) {
    console.error(error);
    const why = error instanceof Error ? error.message : String(error);
    this.#connection.stop(`this page cannot go on, reload it: ${why}`);
  }

  // ---- one's own

  async #nextSession() {
    const session = await Session.make(this.#parts.hbss, this.#parts.identity, this.#place);
    await this.#reader.certificate(session.certificate);
    return session;
  }

  /** @param {Item} item */
  async #signed(item) {
    const message = /** @type {import("./chat-protocol.js").Message} */ (item.message);
    const seen = await this.#reader.inspect(message), row = this.#own.get(item);
    const badge = seen.badge === "verified" ? "waiting" : seen.badge;
    if (row && item.message === message) row.show({ ...seen, badge, signing: item.signing });
  }

  /** @param {Item} item @param {any} answer */
  async #answered(item, answer) {
    const row = this.#own.get(item);
    if (!row || !item.message) return;
    this.#own.delete(item);
    if (answer.type === "refused") return row.show({ ...row.seen, badge: "refused", note: answer.detail });
    const seen = await this.#reader.message(item.message);
    this.#view.arrived(row);
    row.show({ ...(seen ?? { ...row.seen, badge: "verified" }), signing: item.signing });
  }

  // ---- the connection

  /** @param {import("./chat-connection.js").State} state */
  #state({ kind, reason }) {
    const before = this.#kind, why = reason ? `${sentence(reason)} ` : "";
    this.#kind = kind;
    $("state").textContent = STATES[/** @type {keyof typeof STATES} */ (kind)];
    $("state").className = `is-${kind}`;
    if (kind === "online") this.#view.banner("", "");
    else if (kind === "lost") this.#view.banner("is-lost", `The connection is lost; trying again. ${why}${KEPT}`, true);
    else if (kind === "alone") this.#view.banner("is-alone", `${ALONE} ${why}`, true);
    else if (kind === "out") this.#view.banner("is-lost", `${OUT} ${why}`, true);
    else if (kind === "stopped") this.#view.stop(why);
    if (kind === "alone" && before !== kind) console.info(`hbss-chat: ${ALONE}`);
    if (kind === "online" && before === "alone") console.info("hbss-chat: the server is back; single-user mode ends.");
    if (kind !== "online") {
      this.#online.clear();
      this.#view.online([]);
    }
  }

  /** @param {Link} link @param {unknown} data */
  #heard(link, data) {
    this.#inTurn(async () => {
      if (link.open) await this.#take(link, read(data));
    });
  }

  /** @param {() => Promise<void>} act */
  #inTurn(act) {
    this.#turns = this.#turns.then(act).catch((error) => {
      if (!(error instanceof Malformed)) return this.broken(error);
      this.#view.notice("trouble", `The server has sent what is not ${PROTOCOL}: ${error.message}`);
    });
  }

  /** @param {Link} link @param {any} frame */
  async #take(link, frame) {
    const { type } = frame;
    if (type === "challenge") await this.#greet(link, frame);
    else if (type === "welcome") await this.#welcome(link, frame);
    else if (type === "certificate") await this.#certificate(frame.certificate);
    else if (type === "message") await this.#message(frame.message);
    else if (type === "reuse") await this.#reuse(frame);
    else if (type === "joined" || type === "left") await this.#presence(frame);
    else if (this.#kind === "online") this.#speaker.answered(frame);
    else if (type === "refused") this.#speaker.turnedAway(frame.code); // and the server closes, and says why
  }

  /** @param {Link} link @param {{protocol: string, origin: string, room: string, challenge: Uint8Array}} frame */
  async #greet(link, { protocol, origin, room, challenge }) {
    const place = this.#place;
    if (protocol !== PROTOCOL) return this.#connection.stop(`the server speaks ${protocol}, and this page ${PROTOCOL}`);
    if (origin !== place.origin) {
      return this.#connection.stop(`the server says that it is ${origin}, and this page talks to ${place.origin}; a ` +
        `signature is for one of them only, so open ${origin}`);
    }
    if (room !== place.room) {
      if (this.#met) return this.#connection.stop(`the room was ${place.room}, and is ${room} now; reload this page`);
      place.room = room;
      await this.#speaker.signAgain();
    }
    this.#met = true;
    $("room-name").textContent = room;
    await this.#speaker.hello(link, challenge);
  }

  /** @param {Link} link @param {any} frame */
  async #welcome(link, { online, certificates, history }) {
    for (const certificate of certificates) await this.#certificate(certificate);
    for (const { message } of history) await this.#message(message);
    for (const person of online) await this.#present(person);
    this.#connection.welcomed();
    this.#view.online([...this.#online.values()]);
    this.#speaker.welcomed(link);
  }

  // ---- what comes

  /** @param {import("./chat-protocol.js").Certificate | Malformed} certificate */
  async #certificate(certificate) {
    if (certificate instanceof Malformed) return; // what is signed under it will fail, and be shown so
    await this.#reader.certificate(certificate);
    await this.#learn(certificate.identity);
  }

  /** @param {import("./chat-protocol.js").Message | Malformed} message */
  async #message(message) {
    if (!(message instanceof Malformed)) {
      for (const [item, row] of this.#own) { // it has arrived, and only the answer was lost: that will come again
        if (item.message && equal(item.message.signature, message.signature)) return this.#view.arrived(row);
      }
    }
    const seen = await this.#reader.message(message);
    if (!seen) return;
    this.#view.add(seen);
    if (seen.badge === "reused" && seen.certificate && seen.message) {
      this.#expose(seen.certificate.session, seen.note);
    }
  }

  /** @param {any} frame */
  async #reuse(frame) {
    const place = `${hex(frame.certificate.session)}/${frame.leaf}`;
    if (this.#attacks.has(place)) return;
    await this.#learn(frame.certificate.identity);
    const { believed, name, identity, note } = await this.#reader.reuse(frame);
    const { name: title } = this.#parts.names.title(name, identity);
    const told = el("ul", {}, ...[frame.first, frame.second].map((half) => el("li", {}, half.message
      ? el("q", {}, el("bdi", {}, half.message.text)) : "a hello")));
    const alert = el("div", { role: "alert" }, el("strong", {}, believed ? "Attack: a one-time key was used twice. " :
      "Not believed: "), el("bdi", {}, title), ": ", sentence(note), told);
    if (believed) {
      alert.append("Somebody has a copy of its key, or a program went wrong.");
      this.#expose(frame.certificate.session, note);
      this.#attacks.add(place);
    }
    this.#view.notice(believed ? "attack" : "trouble", alert);
  }

  /** What is shown of a session that used a leaf twice is not good any more.
   * @param {Uint8Array} session @param {string} note */
  #expose(session, note) {
    for (const row of this.#view.of(session)) row.show({ ...row.seen, badge: "reused", note });
    this.#details.refresh();
  }

  /** @param {any} frame joined or left */
  async #presence(frame) {
    await this.#present(frame);
    if (frame.type === "left") this.#online.delete(hex(frame.identity));
    this.#view.presence(frame, frame.type === "left" ? "has gone" : "has come");
    this.#view.online([...this.#online.values()]);
  }

  /** @param {Person} person */
  async #present({ name, identity }) {
    await this.#learn(identity);
    this.#online.set(hex(identity), { name, identity });
  }

  /** Know a key's fingerprint, to show it. @param {Uint8Array} key */
  async #learn(key) {
    if (!this.#fingerprints.has(hex(key))) this.#fingerprints.set(hex(key), await fingerprint(key));
  }
}

/** @param {string} text */
function writeAgain(text) {
  const input = $("text");
  input.value = input.value ? `${input.value}\n${text}` : text;
  input.focus();
}
