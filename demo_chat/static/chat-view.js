// @ts-check
/** What the page shows of the room: messages, notices, who is online, banners. */
import { $, bdi, button, el, sentence, when } from "./chat-dom.js";
import { picture } from "./chat-picture.js";
import { hex, short } from "./chat-protocol.js";

/** @typedef {import("./chat-reader.js").Seen} Seen */
/** @typedef {{name: string, identity: Uint8Array}} Person */
/**
 * What the view asks, and tells.
 * @typedef {object} Asked
 * @property {(name: string, identity: Uint8Array) => {name: string, stated: string, another: boolean}} title
 * @property {(identity: Uint8Array) => string} fingerprint
 * @property {(seen: Seen, row: Row) => void} message its badge was chosen
 * @property {(person: Person) => void} person was chosen
 * @property {(text: string) => void} again write a refused text again
 * @property {Uint8Array} own identity key
 */

const BADGES = {
  verified: "✓ verified", failed: "✗ failed", another: "≠ another key", reused: "! leaf reused", gap: "⋯ gap",
  waiting: "◌ waiting", refused: "✗ refused",
};
const NEAR = 80; // pixels from the end, within which the log follows what comes

/** Who somebody is: by nickname or name, and by what they call themselves. @param {ReturnType<Asked["title"]>} title */
function who({ name, stated, another }) {
  const parts = [another ? "another " : "", bdi(name)];
  if (stated && stated !== name) parts.push(el("span", { class: "stated" }, " says ", bdi(stated)));
  return parts;
}

/**
 * A button with the picture, name and fingerprint of a key.
 * @param {Pick<Asked, "own" | "title" | "fingerprint">} asked @param {Person} person
 */
export function personButton(asked, person) {
  const digits = asked.fingerprint(person.identity), title = asked.title(person.name, person.identity);
  const made = el("button", { type: "button", class: title.another ? "person odd" : "person" });
  made.append(picture(digits), el("span", { class: "who" }, ...who(title),
    hex(person.identity) === hex(asked.own) ? el("span", { class: "you" }, " you") : ""),
    el("code", { class: "key" }, short(digits)));
  return made;
}

/** One message in the log. */
export class Row {
  #asked;
  element;
  /** @type {Seen} */
  seen;

  /** @param {Asked} asked @param {Seen} seen */
  constructor(asked, seen) {
    this.#asked = asked;
    this.element = /** @type {HTMLElement} */ ($("message-row").content.firstElementChild.cloneNode(true));
    this.#part("badge").addEventListener("click", () => asked.message(this.seen, this));
    this.seen = seen;
    this.show(seen);
  }

  /** @param {string} name @returns {any} */
  #part(name) {
    return this.element.querySelector(`.${name}`);
  }

  /** @param {Seen} seen */
  show(seen) {
    this.seen = seen;
    const { badge, name, identity, time, note } = seen, title = identity && this.#asked.title(name, identity);
    const digits = identity ? this.#asked.fingerprint(identity) : "";
    const own = identity && hex(identity) === hex(this.#asked.own);
    this.element.className = `message is-${badge}${own ? " is-own" : ""}`;
    this.#part("picture").replaceChildren(...(identity ? [picture(digits)] : ["?"]));
    this.#part("who").replaceChildren(...(title ? who(title) : name ? ["claims to be ", bdi(name)] : ["nobody we can name"]));
    this.#part("key").textContent = digits && short(digits);
    const clock = this.element.querySelector("time");
    if (clock) clock.textContent = Number.isNaN(time) ? "" : when(time);
    this.#part("text").replaceChildren(bdi(seen.text));
    this.#badge(badge, name);
    this.#note(badge, note);
  }

  /** @param {Seen["badge"]} badge @param {string} name */
  #badge(badge, name) {
    const label = BADGES[badge];
    this.#part("badge").replaceChildren(bdi(label));
    this.#part("badge").setAttribute("aria-label", `${label.slice(2)}: details of the message by ${name || "nobody"}`);
  }

  /** @param {Seen["badge"]} badge @param {string} note */
  #note(badge, note) {
    this.#part("note").hidden = !note;
    this.#part("note").replaceChildren(sentence(note));
    if (badge === "refused") {
      this.#part("note").append(" ", button("Write it again", () => this.#asked.again(this.seen.text)));
    }
  }
}

/** The log, the list of who is online, and the banner. */
export class View {
  #asked;
  /** @type {Set<Row>} */
  #rows = new Set();

  /** @param {Asked} asked */
  constructor(asked) {
    this.#asked = asked;
    $("below").addEventListener("click", () => this.#follow(true));
    $("log").addEventListener("scroll", () => this.#atEnd() && ($("below").hidden = true));
  }

  /** A message, behind what is in the room already. @param {Seen} seen */
  add(seen) {
    const row = new Row(this.#asked, seen);
    this.#rows.add(row);
    this.#append(row.element);
    return row;
  }

  /** A message is in the room now: it goes before those that still wait. @param {Row} row */
  arrived(row) {
    const follow = this.#atEnd(), waiting = $("messages").querySelector(".is-waiting");
    if (waiting && waiting !== row.element) waiting.before(row.element);
    this.#follow(follow);
  }

  /** A line that is no message. @param {string} kind @param {...(Node | string)} parts */
  notice(kind, ...parts) {
    this.#append(el("li", { class: `notice ${kind}` }, ...parts));
  }

  /** @param {HTMLElement} element */
  #append(element) {
    const follow = this.#atEnd(), list = $("messages");
    list.insertBefore(element, element.matches(".is-waiting") ? null : list.querySelector(".is-waiting"));
    this.#follow(follow);
  }

  /** Somebody came or went. @param {Person} person @param {string} what */
  presence(person, what) {
    this.notice("presence", ...who(this.#asked.title(person.name, person.identity)), ` ${what}, says the server`);
  }

  /** @param {Person[]} people */
  online(people) {
    $("count").textContent = String(people.length);
    $("people").replaceChildren(...people.map((person) => {
      const made = personButton(this.#asked, person);
      made.addEventListener("click", () => this.#asked.person(person));
      return el("li", {}, made);
    }));
  }

  /** Names or keys are called otherwise now. */
  rename() {
    for (const row of this.#rows) row.show(row.seen);
  }

  /** All rows whose message is of a session and leaf. @param {Uint8Array} session @param {number} leaf */
  of(session, leaf) {
    return [...this.#rows].filter(({ seen }) => seen.certificate && seen.message?.leaf === leaf &&
      hex(seen.certificate.session) === hex(session));
  }

  /** @param {string} kind @param {string} text "" for none @param {boolean} [retry] */
  banner(kind, text, retry = false) {
    $("banner").className = `banner ${kind}`;
    $("banner-text").textContent = text;
    $("banner").hidden = !text;
    $("retry").hidden = !retry;
  }

  #atEnd() {
    const { scrollTop, scrollHeight, clientHeight } = $("log");
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  /** Go on showing the end, or say that there is more. @param {boolean} follow */
  #follow(follow) {
    $("empty").hidden = this.#rows.size > 0;
    if (follow) $("log").scrollTop = $("log").scrollHeight;
    $("below").hidden = follow || this.#atEnd();
  }
}
