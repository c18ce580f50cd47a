// @ts-check
/** One's own identity: the first visit, and the dialogs that copy, rename, forget and bring one. */
import { $, el, onSubmit } from "./chat-dom.js";
import { Identity } from "./chat-identity.js";
import { picture } from "./chat-picture.js";
import { Refusal, checkName, short } from "./chat-protocol.js";

/** @typedef {import("./hbss-client.js").HbssWorker} HbssWorker */
/** @typedef {import("./chat-trust.js").Names} Names */

const CHOSEN = "A key of 64 bytes that never leaves this browser, with a public half of 32 that everybody will see.";

/** @param {HTMLDialogElement} dialog */
function open(dialog) {
  dialog.querySelector("button[value=close]")?.addEventListener("click", () => dialog.close(), { once: true });
  dialog.addEventListener("close", () => { // nothing that was typed stays, a passphrase least of all
    for (const form of dialog.querySelectorAll("form")) form.reset();
    for (const wrong of dialog.querySelectorAll(".wrong")) wrong.textContent = "";
  }, { once: true });
  dialog.showModal();
}

/** Show how far something is. @param {string} what @param {string} [hint] */
export function progress(what, hint = "") {
  $("making").hidden = false;
  $("making-what").textContent = what;
  $("making-hint").textContent = hint;
  $("progress").value = 0;
  return (/** @type {number} */ done, /** @type {number} */ total) => void ($("progress").value = done / total);
}

/**
 * The first visit: an identity is made, or brought.
 * @param {IDBDatabase} db @param {Promise<HbssWorker>} starting @param {Names} names
 * @returns {Promise<Identity>}
 */
export function firstVisit(db, starting, names) {
  $("choose").hidden = false;
  $("name").focus();
  $("start-import").addEventListener("click", () => open($("import")));
  return new Promise((resolve) => {
    onSubmit($("choose"), $("name-wrong"), async () => {
      const name = $("name").value.trim().normalize("NFC");
      checkName(name);
      if (names.isTaken(name)) throw new Refusal(`${name} is known here by another key; choose another name`);
      const hbss = await starting;
      $("choose").hidden = true;
      resolve(await Identity.make(db, hbss, name, progress("Making your identity key …", CHOSEN)));
    });
    onSubmit($("import").querySelector("form"), $("import-wrong"), async () => {
      const [file] = $("file").files, data = new Uint8Array(await file.arrayBuffer());
      const identity = await Identity.imported(db, await starting, data, $("opening").value);
      $("opening").value = "";
      $("import").close();
      $("choose").hidden = true;
      resolve(identity);
    });
  });
}

/** The dialog about an identity that is in use. @param {Identity} identity @param {Names} names */
export function ownDialog(identity, names) {
  $("own-key").append(el("div", { class: "portrait" }, picture(identity.fingerprint),
    el("p", { class: "fingerprint" }, short(identity.fingerprint))));
  $("new-name").defaultValue = identity.name;
  onSubmit($("rename"), $("rename-wrong"), async () => {
    const name = $("new-name").value.trim().normalize("NFC");
    checkName(name);
    if (names.isTaken(name, identity.publicKey)) throw new Refusal(`${name} is somebody else here`);
    await identity.rename(name);
    location.reload();
  });
  onSubmit($("export"), $("export-wrong"), async () => {
    if ($("passphrase").value !== $("again").value) throw new Refusal("the two passphrases are not the same");
    save(await identity.exported($("passphrase").value), `${identity.name}.hbss-chat`);
    $("export").reset();
  });
  onSubmit($("forget"), $("forget").querySelector("p"), async () => {
    await identity.forget();
    location.reload();
  });
  return () => open($("own"));
}

/** Let the user save a file. @param {Uint8Array} data @param {string} name */
function save(data, name) {
  const url = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (data)], { type: "application/octet-stream" }));
  const link = /** @type {HTMLAnchorElement} */ (el("a", { href: url, download: name }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
