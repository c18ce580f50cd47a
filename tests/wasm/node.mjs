/** In Node: the answers to the tasks on standard input, or (`rules`) what became of each rule, as JSON. */
import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";

globalThis.crypto ??= webcrypto; // Node 18
if (process.argv[2] === "rules") {
  const { rules } = await import("./rules.mjs");
  console.log(JSON.stringify(await rules()));
} else {
  const { answers } = await import("./answers.mjs");
  console.log(JSON.stringify(await answers(JSON.parse(readFileSync(0, "utf-8")))));
}
