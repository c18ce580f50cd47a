// @ts-check
/**
 * What was typed: signed at once, by the session of the moment, and kept until the server has answered. One message is
 * on its way at a time. After a lost connection the identical bytes are sent again, and the server answers a message
 * that it has with the acknowledgement that it gave; so nothing is lost, and nothing is said twice.
 */
import { write } from "./chat-frames.js";
import { checkText } from "./chat-protocol.js";
import { equal } from "./hbss-bytes.js";

const PAUSE = 1000; // ms before what was refused as too much is sent again
const SILENCE = 20_000; // ms without an answer, after which a connection is given up
const NOT_YET = ["rate", "full"];
const NO_SESSION = ["expired", "reuse", "certificate"]; // why a session is let in no more

/** @typedef {import("./chat-session.js").Session} Session */
/** @typedef {import("./chat-connection.js").Link} Link */
/**
 * @typedef {object} Item a text, and what has become of it
 * @property {Uint8Array} id
 * @property {string} text
 * @property {number} time when it was typed
 * @property {import("./chat-protocol.js").Message | null} message signed, or not yet
 * @property {Session | null} session that has signed it
 * @property {Uint8Array | null} follows what the next one of the session will name
 * @property {number} signing ms
 * @property {boolean} sent it may have arrived, so it is never signed again
 */
/**
 * @typedef {object} Told
 * @property {(item: Item) => void} signed
 * @property {(item: Item, answer: any) => void} answered accepted or refused
 * @property {(error: unknown) => void} broken nothing can be signed any more
 */

/** One user's voice. */
export class Speaker {
  #make;
  #told;
  #current;
  #sessions;
  /** @type {Promise<void> | null} the next session, on its way */
  #next = null;
  /** @type {Item[]} */
  #queue = [];
  /** @type {Promise<unknown>} signing happens one after another */
  #turns = Promise.resolve();
  /** @type {Session | null} that greets on this connection */
  #greeting = null;
  /** @type {Uint8Array} */
  #challenge = new Uint8Array();
  #wake = () => {};
  /** @type {(frame: any) => void} */
  #answer = () => {};

  /** @param {Session} session @param {() => Promise<Session>} make the next one @param {Told} told */
  constructor(session, make, told) {
    this.#current = session;
    this.#sessions = new Set([session]);
    this.#make = make;
    this.#told = told;
  }

  /** How many texts have no answer yet. */
  get waiting() {
    return this.#queue.length;
  }

  /** Say something; Refusal if it cannot be sent. @param {string} text @returns {Item} */
  say(text) {
    checkText(text);
    const id = crypto.getRandomValues(new Uint8Array(16));
    /** @type {Item} */
    const item = {
      id, text, time: Date.now(), message: null, session: null, follows: null, signing: 0, sent: false,
    };
    this.#queue.push(item);
    this.#signAll().catch(this.#told.broken);
    return item;
  }

  // ---- on a connection

  /** Ask to be let in. @param {Link} link @param {Uint8Array} challenge */
  async hello(link, challenge) {
    this.#challenge = challenge;
    this.#greeting = await this.#ready();
    link.send(write(await this.#greeting.hello(challenge)));
  }

  /** @param {Link} link */
  welcomed(link) {
    if (this.#greeting) this.#introduced(this.#greeting);
    this.#speak(link).catch(this.#told.broken);
  }

  /** A hello was refused. @param {string} code */
  turnedAway(code) {
    if (this.#greeting && NO_SESSION.includes(code)) this.#greeting.spoiled = true;
  }

  /** The server's answer to what was sent: accepted, refused or renewed. @param {any} frame */
  answered(frame) {
    this.#answer(frame);
  }

  /** The room has another name than what was signed so far names. Nothing was sent yet. */
  async signAgain() {
    await this.#turn(async () => {
      this.#current.previous = this.#current.accepted;
      for (const item of this.#queue) if (!item.sent) item.message = null;
    });
    await this.#signAll();
  }

  // ---- signing

  #signAll() {
    return this.#turn(async () => {
      let item; // looked for anew each time, as those that were answered leave the queue meanwhile
      while ((item = this.#queue.find((each) => !each.message))) {
        const session = await this.#ready();
        Object.assign(item, await session.message(item), { session });
        this.#told.signed(item);
        this.#wake();
      }
    });
  }

  /** @param {() => Promise<void>} act */
  #turn(act) {
    const done = this.#turns.then(act);
    this.#turns = done.catch(() => {});
    return done;
  }

  /** The session to sign with. The next one is made while this one goes on, and waited for when this one is over. */
  async #ready() {
    if (this.#current.due && !this.#next) {
      this.#next = this.#renew();
      this.#next.catch(() => {}); // it matters only when this session is over
    }
    if (this.#current.over) await this.#next;
    return this.#current;
  }

  async #renew() {
    try {
      this.#current = await this.#make();
      this.#sessions.add(this.#current);
    } finally {
      this.#next = null;
    }
  }

  /** A session was let in; those before it sign no more. @param {Session} session */
  #introduced(session) {
    session.introduced = true;
    for (const old of this.#sessions) {
      if (!old.introduced || old === this.#current) continue;
      this.#sessions.delete(old);
      void old.wipe();
    }
  }

  // ---- sending

  /** Send what waits, one after another, as long as the connection lasts. @param {Link} link */
  async #speak(link) {
    while (link.open) {
      const [item] = this.#queue;
      if (item?.message) await this.#deliver(link, item);
      else await Promise.race([link.lost, new Promise((resolve) => (this.#wake = () => resolve(null)))]);
    }
  }

  /** @param {Link} link @param {Item} item */
  async #deliver(link, item) {
    if (!item.sent && item.session && Date.now() >= item.session.certificate.expires) await this.signAgain();
    const session = /** @type {Session} */ (item.session);
    if (!session.introduced) {
      const answer = await this.#exchange(link, write(await session.hello(this.#challenge)), session.hash, "renewed");
      if (answer?.type === "renewed") this.#introduced(session);
      return answer?.type === "refused" ? this.#finish(item, answer) : undefined;
    }
    item.sent = true;
    const answer = await this.#exchange(link, write({ type: "message", ...item.message }), item.id, "accepted");
    if (answer) await this.#finish(item, answer);
  }

  /** @param {Item} item @param {any} answer */
  async #finish(item, answer) {
    this.#queue.shift();
    const session = /** @type {Session} */ (item.session);
    if (answer.type === "accepted" && item.follows) session.accepted = item.follows;
    if (answer.type === "refused") {
      if (!session.introduced || NO_SESSION.includes(answer.code)) session.spoiled = true;
      await this.signAgain(); // so that those behind it follow what is in the room
    }
    this.#told.answered(item, answer);
  }

  /**
   * Send a frame until it is answered; undefined if the connection is lost.
   * @param {Link} link @param {string} text @param {Uint8Array} name @param {string} good the type of a good answer
   */
  async #exchange(link, text, name, good) {
    while (link.open) {
      const answered = new Promise((resolve) => (this.#answer = (frame) => {
        const named = frame.id ?? frame.certificate;
        if (named ? equal(named, name) : frame.type === "refused") resolve(frame);
      }));
      link.send(text);
      const silence = setTimeout(() => link.close(), SILENCE), answer = await Promise.race([answered, link.lost]);
      clearTimeout(silence);
      if (!answer || answer.type === good || !NOT_YET.includes(answer.code)) return answer;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}
