// @ts-check
/** Where the page starts: can it work here, who is this, and then the room. */
import { $, onSubmit } from "./chat-dom.js";
import { Client } from "./chat-client.js";
import { Identity } from "./chat-identity.js";
import { firstVisit, ownDialog, progress } from "./chat-own.js";
import { Audit, open } from "./chat-store.js";
import { Names } from "./chat-trust.js";
import { personButton } from "./chat-view.js";
import { HbssWorker } from "./hbss-client.js";

const INSECURE = "This page was loaded over http:// from another machine, and browsers make keys on https:// or at " +
  "localhost only: start the server with --tls-cert and --tls-key, or open the page on the machine where it runs.";
const SESSION_HINT = "1,024 one-time keys for this visit, in memory only, certified by your identity.";

/** @param {string} text */
function blocked(text) {
  $("choose").hidden = $("making").hidden = true;
  $("blocked").hidden = false;
  $("blocked").textContent = text;
}

async function start() {
  if (!globalThis.crypto?.subtle) return blocked(INSECURE);
  const starting = HbssWorker.start(); // meanwhile somebody may choose a name
  starting.catch(() => {}); // told where it is waited for
  const db = await open(), names = new Names(localStorage), audit = new Audit(db);
  await audit.forget(Date.now());
  const identity = await Identity.load(db) ?? await firstVisit(db, starting, names), hbss = await starting;
  names.claim(identity.name, identity.publicKey);
  const told = progress("Making the key of this session …", SESSION_HINT);
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const client = await Client.start({ hbss, identity, names, audit }, `${scheme}//${location.host}/ws`, told);
  enter(client, identity, names);
}

/** @param {Client} client @param {Identity} identity @param {Names} names */
function enter(client, identity, names) {
  const { name, publicKey: own, fingerprint } = identity;
  const title = () => ({ name, stated: "", another: false });
  $("me").append(...personButton({ own, title, fingerprint: () => fingerprint }, { name, identity: own }).childNodes);
  $("me").addEventListener("click", ownDialog(identity, names));
  $("retry").addEventListener("click", () => client.retry());
  $("start").hidden = true;
  $("room").hidden = false;
  $("people-fold").open = matchMedia("(min-width: 50rem)").matches;
  write(client);
  addEventListener("storage", () => client.renamed());
  addEventListener("beforeunload", (event) => client.waiting && event.preventDefault());
}

/** The form below the messages. @param {Client} client */
function write(client) {
  const input = $("text");
  onSubmit($("say"), $("text-wrong"), () => {
    if (!input.value.trim()) return;
    client.say(input.value);
    input.value = "";
  });
  input.addEventListener("input", () => ($("text-wrong").textContent = ""));
  input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $("say").requestSubmit();
  });
  input.focus();
}

start().catch((error) => {
  console.error(error);
  blocked(`The page cannot start: ${error instanceof Error ? error.message : error}`);
});
