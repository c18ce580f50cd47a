// @ts-check
/** Elements made by hand. What others wrote goes in as text only, and isolated, so that its direction stays its own. */

/** @typedef {Node | string} Child */
/** @typedef {Record<string, string | number | boolean>} Attributes a false one is left out */

/** @param {string} id @returns {any} the element, which is in index.html */
export function $(id) {
  return document.getElementById(id);
}

/** @param {string} tag @param {Attributes} [attributes] @param {...Child} children */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** @param {string} tag @param {Attributes} [attributes] @param {...Child} children */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/** Text that somebody else wrote. @param {string} text */
export function bdi(text) {
  return el("bdi", {}, text);
}

/**
 * @template {Element} T
 * @param {T} element @param {Attributes} attributes @param {Child[]} children
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** A button that acts. @param {string} text @param {() => void} act @param {Attributes} [attributes] */
export function button(text, act, attributes = {}) {
  const made = el("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", act);
  return made;
}

/**
 * What a form does, instead of being sent: an error that it throws is shown in `wrong`.
 * @param {HTMLFormElement} form @param {HTMLElement} wrong @param {() => void | Promise<void>} act
 */
export function onSubmit(form, wrong, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.textContent = "";
    try {
      await act();
    } catch (error) {
      wrong.textContent = sentence(error instanceof Error ? error.message : String(error));
    }
  });
}

/** @param {string} text */
export function sentence(text) {
  return text && text[0].toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
}

/** A time for people: of today without the day. @param {number} time ms @param {boolean} [whole] */
export function when(time, whole = false) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "at no time";
  const today = date.toDateString() === new Date().toDateString();
  if (whole) return date.toLocaleString([], { dateStyle: "medium", timeStyle: "long" });
  return date.toLocaleString([], today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}

/** @param {number} count */
export function bytes(count) {
  return `${count.toLocaleString("en")} bytes`;
}

/** @param {number} time */
export function ms(time) {
  return `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
}
