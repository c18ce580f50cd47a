// @ts-check
/** The panel beside the room: what was signed, by whom, and how it was verified; and who somebody is. */
import { $, bdi, button, bytes, el, ms, onSubmit, sentence, when } from "./chat-dom.js";
import { drawing, hashes } from "./chat-drawing.js";
import { picture } from "./chat-picture.js";
import { LEAVES, certificateBody, hex, messageFields, short } from "./chat-protocol.js";
import { safetyPhrase } from "./chat-trust.js";

/** @typedef {import("./chat-reader.js").Seen} Seen */
/** @typedef {import("./chat-view.js").Person} Person */
/** @typedef {import("./chat-protocol.js").Place} Place */
/**
 * @typedef {object} Helped
 * @property {import("./hbss-client.js").HbssWorker} hbss
 * @property {Place} place
 * @property {import("./chat-trust.js").Names} names
 * @property {Uint8Array} own identity key
 * @property {(identity: Uint8Array) => string} fingerprint
 * @property {() => void} renamed
 */

const SAYS = {
  verified: "Signed by this key, and verified in this browser.",
  waiting: "Signed, and verified in this browser. The server has not taken it yet.",
  failed: "This did not verify. Do not believe it.", another: "The signature is good, but the key is a new one.",
  reused: "A one-time key has signed twice: do not trust this session any more.",
  gap: "The signature is good, but something before it is missing.", refused: "The server has not taken it.",
};

export class Details {
  #helped;
  /** @type {HTMLElement | null} where the focus goes back to */
  #from = null;
  #opened = 0;
  /** @type {import("./chat-view.js").Row | null} the message that is shown */
  #row = null;
  #narrow = matchMedia("(max-width: 50rem)"); // then the panel covers the room (chat.css)

  /** @param {Helped} helped */
  constructor(helped) {
    this.#helped = helped;
    $("details-close").addEventListener("click", () => this.close());
    this.#narrow.addEventListener("change", () => this.#cover());
    document.addEventListener("keydown", ({ key }) => {
      if (key === "Escape" && !$("details").hidden && !document.querySelector("dialog[open]")) this.close();
    });
  }

  close() {
    $("details").hidden = true;
    this.#cover();
    (this.#from?.isConnected ? this.#from : $("text")).focus();
  }

  /** What the panel lies upon is out of reach, for the keyboard too. */
  #cover() {
    const covered = this.#narrow.matches && !$("details").hidden;
    for (const part of document.querySelectorAll(".top, .banner, .people, .talk")) {
      /** @type {HTMLElement} */ (part).inert = covered;
    }
  }

  /** @param {string} title @param {(Node | string)[]} parts */
  #open(title, parts) {
    if (!$("details").contains(document.activeElement)) {
      this.#from = /** @type {HTMLElement} */ (document.activeElement);
    }
    this.#fill(title, parts);
    $("details").hidden = false;
    $("details").scrollTop = 0;
    $("details-title").focus();
    this.#cover();
  }

  /** @param {string} title @param {(Node | string)[]} parts */
  #fill(title, parts) {
    $("details-title").textContent = title;
    $("details-body").replaceChildren(...parts);
  }

  // ---- a message

  /** @param {import("./chat-view.js").Row} row */
  message(row) {
    this.#row = row;
    this.#open("What was signed", this.#of(row.seen));
  }

  /** The message may be judged otherwise now. */
  refresh() {
    if (this.#row && !$("details").hidden) this.#fill("What was signed", this.#of(this.#row.seen));
  }

  /** @param {Seen} seen */
  #of(seen) {
    const { badge, note, name, identity, message, certificate, signed } = seen, opened = ++this.#opened;
    const parts = [el("p", { class: `verdict is-${badge}` }, el("strong", {}, SAYS[badge]), " ", sentence(note))];
    if (badge === "another" && identity && this.#helped.names.title(name, identity).another) {
      parts.push(this.#decide({ name, identity }));
    }
    if (message) parts.push(...this.#signed(message));
    if (certificate && message) parts.push(...this.#numbers(seen, certificate));
    const walk = el("section", {}, el("h3", {}, "How the signature leads to the key"));
    if (signed && message && certificate) parts.push(walk);
    if (certificate) parts.push(...this.#certificate(certificate));
    if (signed && message && certificate) {
      void this.#draw(walk, opened, certificate.session, signed, message.signature);
    }
    return parts;
  }

  /** @param {Element} section @param {number} opened @param {Uint8Array} key @param {Uint8Array} signed
   * @param {Uint8Array} signature */
  async #draw(section, opened, key, signed, signature) {
    try {
      const found = await this.#helped.hbss.explain(key, signed, signature);
      if (opened !== this.#opened) return;
      const all = el("details", {}, el("summary", {}, "Every hash, as text"));
      all.addEventListener("toggle", () => all.append(hashes(found)), { once: true });
      section.append(drawing(found), el("ul", { class: "legend" },
        el("li", { class: "l-hidden" }, "walked by the signer, and secret"),
        el("li", { class: "l-value" }, "in the signature"), el("li", { class: "l-walked" }, "walked by you"),
        el("li", { class: "l-given" }, "neighbour, in the signature"),
        el("li", { class: "l-computed" }, "computed by you")), all);
    } catch (error) {
      section.append(el("p", {}, sentence(`It cannot be drawn: ${error instanceof Error ? error.message : error}`)));
    }
  }

  /** @param {import("./chat-protocol.js").Message} message */
  #signed(message) {
    const fields = messageFields(this.#helped.place, message);
    const total = fields.reduce((sum, each) => sum + 4 + each.bytes.length, 0);
    return [el("section", {}, el("h3", {}, "The signed bytes, field by field"), el("dl", {},
      ...fields.flatMap(({ name, shown, bytes: { length } }) => [
        el("dt", {}, name, el("small", {}, ` ${length}`)),
        el("dd", { class: /^[0-9a-f]{32,}$/.test(shown) ? "hash" : "" }, bdi(shown),
          name === "time" ? el("small", {}, when(Number(shown), true)) : ""),
      ])), el("p", { class: "hint" }, `Each field has its length in front, as four bytes: ${bytes(total)} in all.`))];
  }

  /** @param {Seen} seen @param {import("./chat-protocol.js").Certificate} certificate */
  #numbers({ message, verifying, signing }, certificate) {
    if (!message) return [];
    const made = certificateBody(certificate).length + certificate.signature.length;
    return [el("section", {}, el("h3", {}, "In numbers"), el("dl", { class: "numbers" },
      ...pair("scheme", "LMS, height 10, Winternitz 4 bits, SHA-256 (RFC 8554)"),
      ...pair("leaf", `${message.leaf.toLocaleString("en")} of ${LEAVES.toLocaleString("en")}`),
      ...pair("signature", bytes(message.signature.length)), ...pair("certificate", `${bytes(made)}, once a session`),
      ...(signing ? pair("time to sign", ms(signing)) : []), ...pair("time to verify", ms(verifying))),
      el("p", { class: "hint" }, "Times are by the clock, with the way to the Worker and back."))];
  }

  /** @param {import("./chat-protocol.js").Certificate} certificate */
  #certificate({ name, identity, session, issued, expires, origin, signature }) {
    return [el("section", {}, el("h3", {}, "The session’s certificate"), el("dl", {},
      ...pair("name", name), ...pair("identity", hex(identity), "hash"), ...pair("session key", hex(session), "hash"),
      ...pair("origin", origin), ...pair("issued", when(issued, true)), ...pair("expires", when(expires, true)),
      ...pair("signature", `${bytes(signature.length)} of SLH-DSA-SHA2-128s (FIPS 205)`)),
      button("Who is that?", () => this.person({ name, identity })))];
  }

  // ---- a person

  /** @param {Person} person */
  person(person) {
    const { name, identity } = person, { names, own, fingerprint } = this.#helped, mine = hex(own) === hex(identity);
    const digits = fingerprint(identity), title = names.title(name, identity);
    this.#row = null;
    this.#opened++;
    const parts = [el("div", { class: "portrait" }, picture(digits), el("div", {}, el("strong", {}, bdi(title.name)),
      el("p", { class: "hint" }, mine ? "This is you." : title.stated ? "says " : "", bdi(mine ? "" : title.stated)))),
      el("section", {}, el("h3", {}, "Fingerprint"), el("p", { class: "fingerprint" }, short(digits)),
        el("p", { class: "hint" }, "80 bits of it. The picture has these and 20 more."),
        el("details", {}, el("summary", {}, "The whole key"), el("dl", {}, ...pair("key", hex(identity), "hash"),
          ...pair("fingerprint", digits, "hash"))))];
    if (!mine) {
      const phrase = el("p", { class: "fingerprint" });
      void safetyPhrase(own, identity).then((digits) => (phrase.textContent = digits));
      parts.push(el("section", {}, el("h3", {}, "Safety phrase"), phrase, el("p", { class: "hint" },
        "Read it to each other on the telephone or side by side: the same on both sides means that nobody stands " +
        "between you.")));
      if (title.another) parts.push(this.#decide(person));
      else parts.push(this.#nickname(person));
    }
    this.#open(mine ? "You" : "Who is that?", parts);
  }

  /** Another key under a known name. @param {Person} person */
  #decide(person) {
    const { name, identity } = person;
    return el("section", { class: "decide" }, el("h3", {}, "Another ", bdi(name)),
      el("p", {}, "You know this name by another key. Either they have a new device, or somebody takes their name. " +
        "Ask them, and compare the safety phrase."),
      button("It is their new device", () => {
        this.#helped.names.accept(name, identity);
        this.#renamed(person);
      }), button("Compare the safety phrase", () => this.person(person)), this.#nickname(person));
  }

  /** @param {Person} person */
  #nickname(person) {
    const input = /** @type {HTMLInputElement} */ (el("input", { id: "nickname", autocomplete: "off",
      "aria-describedby": "nickname-wrong" }));
    const wrong = el("p", { class: "wrong", id: "nickname-wrong", role: "alert" });
    const form = /** @type {HTMLFormElement} */ (el("form", {},
      el("label", { for: "nickname" }, "A nickname for this key, here only"),
      el("div", { class: "line" }, input, el("button", {}, "Set")), wrong));
    input.value = this.#helped.names.nickname(person.identity);
    onSubmit(form, /** @type {HTMLElement} */ (wrong), () => {
      this.#helped.names.call(person.identity, input.value.trim().normalize("NFC"));
      this.#renamed(person);
    });
    return form;
  }

  /** @param {Person} person */
  #renamed(person) {
    this.#helped.renamed();
    this.person(person);
  }
}

/** @param {string} name @param {string} value @param {string} [kind] */
function pair(name, value, kind = "") {
  return [el("dt", {}, name), el("dd", { class: kind }, bdi(value))];
}
