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
 * @property {(row: Row) => void} message its badge was chosen
 * @property {(person: Person) => void} person was chosen
 * @property {(text: string) => void} again write a refused text again
 * @property {Uint8Array} own identity key
 */

const BADGES = {
  verified: "✓ verified", failed: "✗ failed", another: "≠ another key", reused: "! leaf reused", gap: "⋯ gap",
  waiting: "◌ waiting", refused: "✗ refused",
};
const NEAR = 80; // pixels from the end, within which the log follows what comes
const MOST = 1000; // lines of the log: a page with more of them grows slow

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
  const made = el("button", { type: "button" });
  showPerson(made, asked, person);
  return made;
}

/** @param {Element} made @param {Pick<Asked, "own" | "title" | "fingerprint">} asked @param {Person} person */
function showPerson(made, asked, person) {
  const digits = asked.fingerprint(person.identity), title = asked.title(person.name, person.identity);
  made.className = title.another ? "person odd" : "person";
  made.replaceChildren(picture(digits), el("span", { class: "who" }, ...who(title),
    hex(person.identity) === hex(asked.own) ? el("span", { class: "you" }, " you") : ""),
    el("code", { class: "key" }, short(digits)));
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
    this.#part("badge").addEventListener("click", () => asked.message(this));
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
  /** @type {Map<Element, Row>} */
  #rows = new Map();
  /** @type {Map<string, {name: string, element: Element}>} who is shown as online, by key: buttons that keep the focus */
  #people = new Map();
  #following = true; // what comes is scrolled to, until somebody scrolls up

  /** @param {Asked} asked */
  constructor(asked) {
    this.#asked = asked;
    $("below").addEventListener("click", () => this.#toEnd());
    $("log").addEventListener("scroll", () => {
      this.#following = this.#atEnd();
      if (this.#following) $("below").hidden = true;
    });
    const sized = new ResizeObserver(() => this.#following && this.#toEnd());
    for (const each of ["log", "messages"]) sized.observe($(each));
  }

  /** A message, behind what is in the room already. @param {Seen} seen */
  add(seen) {
    const row = new Row(this.#asked, seen);
    this.#rows.set(row.element, row);
    this.#append(row.element);
    return row;
  }

  /** A message is in the room now: it goes before those that still wait. @param {Row} row */
  arrived(row) {
    const waiting = $("messages").querySelector(".is-waiting");
    if (waiting && waiting !== row.element) waiting.before(row.element);
    this.#more();
  }

  /** A line that is no message. @param {string} kind @param {...(Node | string)} parts */
  notice(kind, ...parts) {
    this.#append(el("li", { class: `notice ${kind}` }, ...parts));
  }

  /** @param {HTMLElement} element */
  #append(element) {
    const list = $("messages");
    list.insertBefore(element, element.matches(".is-waiting") ? null : list.querySelector(".is-waiting"));
    while (list.childElementCount > MOST) {
      this.#rows.delete(list.firstElementChild);
      list.firstElementChild.remove();
      $("earlier").hidden = false;
    }
    this.#more();
  }

  /** Somebody came or went. @param {Person} person @param {string} what */
  presence(person, what) {
    this.notice("presence", ...who(this.#asked.title(person.name, person.identity)), ` ${what}, says the server`);
  }

  /** @param {Person[]} people */
  online(people) {
    const present = new Map(people.map((person) => [hex(person.identity), person]));
    $("count").textContent = String(people.length);
    for (const [key, { name, element }] of this.#people) {
      if (present.get(key)?.name === name) continue;
      element.remove();
      this.#people.delete(key);
    }
    for (const [key, person] of present) {
      if (this.#people.has(key)) continue;
      const made = personButton(this.#asked, person), element = el("li", {}, made);
      made.addEventListener("click", () => this.#asked.person(person));
      this.#people.set(key, { name: person.name, element });
      $("people").append(element);
    }
  }

  /** Names or keys are called otherwise now. @param {Person[]} people who is online */
  rename(people) {
    for (const row of this.#rows.values()) {
      const { badge, name, identity } = row.seen;
      const accepted = badge === "another" && identity && !this.#asked.title(name, identity).another;
      row.show(accepted ? { ...row.seen, badge: "verified", note: "" } : row.seen);
    }
    for (const person of people) {
      const made = this.#people.get(hex(person.identity))?.element.firstElementChild;
      if (made) showPerson(made, this.#asked, person);
    }
  }

  /** The rows of a session's messages, as far as they are its own. @param {Uint8Array} session */
  of(session) {
    return [...this.#rows.values()].filter(({ seen }) => seen.certificate && seen.badge !== "failed" &&
      hex(seen.certificate.session) === hex(session));
  }

  /** Nothing more is sent or received. @param {string} why */
  stop(why) {
    this.banner("is-stopped", why);
    for (const each of $("say").elements) each.disabled = true;
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

  /** Something came: show it, or say that there is more. */
  #more() {
    $("empty").hidden = this.#rows.size > 0;
    if (this.#following) this.#toEnd();
    else $("below").hidden = this.#atEnd();
  }

  #toEnd() {
    this.#following = true;
    $("log").scrollTop = $("log").scrollHeight;
    $("below").hidden = true;
  }
}
