/** The rules of the Worker and its client, in a page: `rules` tries each, and tells what became of it. */
import { HandleDead, HbssError, HbssWorker, InvalidSignature, WorkerLost } from "../../demo_chat/static/hbss-client.js";
import { Channel, begin } from "../../demo_chat/static/hbss-channel.js";
import { instance } from "./answers.mjs";

const SESSION = "LMS_SHA256_M32_H10_W4", SMALL = "LMS_SHA256_M32_H5_W8", FAST = "SLH-DSA-SHA2-128f";
const encode = (text) => new TextEncoder().encode(text);
const MESSAGE = encode("a message");

function must(condition, what) {
  if (!condition) throw new Error(`not so: ${what}`);
}

/** The error of this class that a promise must be rejected with. */
async function refused(kind, promise, says = "") {
  const error = await promise.then(() => new Error("nothing was refused"), (reason) => reason);
  const right = error instanceof kind && error.message.includes(says);
  must(right, `${kind.name} "${says}", not ${error.name}: ${error.message}`);
}

const RULES = {
  async "keys made in the Worker sign, and what they sign verifies everywhere"(core) {
    const { hbss } = await instance(), context = encode("here");
    const key = await core.generate(FAST), signature = await key.sign(MESSAGE, { context });
    await core.verify(FAST, key.publicKey, MESSAGE, signature, { context });
    hbss.verify(key.set, key.publicKey, MESSAGE, signature, { context });
    for (const session of [await core.createLms(SMALL), await core.createXmss("XMSS-SHA2_10_192")]) {
      const leaf = await session.reserve(), signed = await session.sign(leaf, MESSAGE);
      await core.verify(session.set, session.publicKey, MESSAGE, signed);
      hbss.verify(session.set, session.publicKey, MESSAGE, signed);
      must(session.remaining === 2 ** session.height - 2, "one leaf is used");
    }
    const once = await core.generateOneTime(SMALL), digest = await core.sha256(MESSAGE);
    const led = await core.otsRecover(SMALL, once.publicSeed, 0, digest, await once.sign(digest));
    must(led.join() === once.publicKey.join(), "a one-time signature leads to its key");
  },
  async "the helpers are those of hbss.js"(core) {
    const { hbss } = await instance(), session = await core.createLms(SMALL), seed = session.publicKey.slice(12, 28);
    must(JSON.stringify(await core.sets()) === JSON.stringify(hbss.sets()), "sets");
    must((await core.sha256(MESSAGE)).join() === hbss.sha256(MESSAGE).join(), "sha256");
    const leaf = await session.reserve(), signature = await session.sign(leaf, MESSAGE);
    const found = await core.explain(session.publicKey, MESSAGE, signature);
    const same = hbss.explain(session.publicKey, MESSAGE, signature);
    must(found.fits && JSON.stringify(found) === JSON.stringify(same), "explain");
    const above = await core.parents(SMALL, seed, 1, 0, await session.nodes(0));
    must(above.join() === (await session.nodes(1)).join(), "parents");
    const node = (await session.nodes(0)).slice(0, 32);
    const root = await core.climb(SMALL, seed, leaf, node, signature.slice(-160));
    must(root.join() === (await session.nodes(5)).join(), "climb");
  },
  async "an exported key comes back, and what was given is untouched"(core) {
    const key = await core.generate(FAST), raw = await key.exportRaw(), copy = raw.slice();
    const again = await core.fromRaw(FAST, raw);
    must(raw.join() === copy.join(), "the bytes given are still there");
    const both = await Promise.all([key, again].map((each) => each.sign(MESSAGE, { deterministic: true })));
    must(both[0].join() === both[1].join(), "the same key");
    must((await again.exportRaw()).join() === copy.join(), "the same bytes");
  },
  async "verifications are answered while a key is made and while one signs"(core) {
    const key = await core.generate(FAST), signature = await key.sign(MESSAGE), order = [];
    const slow = await core.generate("SLH-DSA-SHA2-128s");
    for (const work of [() => core.createLms(SESSION), () => slow.sign(MESSAGE)]) {
      const done = work().then(() => order.push("work"));
      for (let i = 0; i < 3; i++) {
        await core.verify(FAST, key.publicKey, MESSAGE, signature);
        order.push("verified");
      }
      await done;
    }
    must(order.join() === "verified,verified,verified,work,verified,verified,verified,work", order.join());
  },
  async "progress is told in order, and ends with all"(core) {
    for (const [act, set] of [["createLms", SESSION], ["generate", "SLH-DSA-SHA2-128s"]]) {
      const told = [];
      const key = await core[act](set, { progress: (done, total) => told.push(done / total) });
      must(told.length > 2 && told[told.length - 1] === 1, told.join(" "));
      must(told.every((share, i) => !i || share > told[i - 1]), told.join(" "));
      if (key.exportRaw) {
        told.length = 0;
        await key.sign(MESSAGE, { progress: (done, total) => told.push(done / total) });
        must(told.length > 2 && told[told.length - 1] === 1, told.join(" "));
      }
    }
  },
  async "errors arrive as their own classes"(core) {
    const session = await core.createLms(SMALL), leaf = await session.reserve();
    const signature = await session.sign(leaf, MESSAGE);
    const ask = (...args) => core.verify(...args);
    await refused(InvalidSignature, ask("LMS", session.publicKey, encode("another"), signature));
    const classes = await import("../../demo_chat/static/hbss-client.js");
    await refused(classes.BadKey, ask("LMS", signature, MESSAGE, signature), "malformed");
    await refused(classes.LeafSpent, session.sign(leaf, MESSAGE), "leaf 0");
    await refused(classes.UnknownParameterSet, core.generate("nonsense"), "nonsense");
    await refused(TypeError, session.sign(await session.reserve(), "text"), "TextEncoder");
    await refused(TypeError, ask("LMS", session.publicKey, () => 0, signature), "cannot be sent");
    await refused(RangeError, ask("LMS", session.publicKey, MESSAGE, signature, { context: MESSAGE }), "no context");
    for (let i = session.remaining; i; i--) await session.reserve();
    await refused(classes.KeyExhausted, session.reserve());
    must(session.remaining === 0, "none is left");
  },
  async "two signatures of one leaf cannot be had by asking at once"(core) {
    const session = await core.createLms(SMALL), leaf = await session.reserve();
    const asked = await Promise.allSettled([session.sign(leaf, MESSAGE), session.sign(leaf, encode("another"))]);
    must(asked.map((each) => each.status).join() === "fulfilled,rejected", "one signs");
    must(asked[1].reason.name === "LeafSpent", asked[1].reason.name);
  },
  async "a wiped key refuses"(core) {
    for (const key of [await core.generate(FAST), await core.createLms(SMALL), await core.generateOneTime(SMALL)]) {
      await key.wipe();
      await key.wipe();
      await refused(HandleDead, key.sign(0, MESSAGE));
    }
    const key = await core.generate("SLH-DSA-SHA2-128s"), signing = key.sign(MESSAGE);
    key.wipe();
    await refused(HandleDead, signing);
  },
  async "nothing else can be asked for"() {
    const channel = new Channel(begin());
    await channel.ask(undefined, "load", []);
    for (const method of ["constructor", "act", "__proto__", "toString"]) {
      await refused(HbssError, channel.ask(undefined, method, []), `knows no ${method}`);
    }
    const { number } = await channel.ask(undefined, "generateOneTime", [SMALL]);
    await refused(HbssError, channel.ask(number, "constructor", []), "knows no constructor");
    await refused(HandleDead, channel.ask(number + 1, "sign", [MESSAGE]));
    channel.end(new WorkerLost("done"));
  },
  async "what is asked of a closed Worker is lost"(core) {
    const other = await HbssWorker.start(), key = await other.generate(FAST), making = other.createLms(SESSION);
    const lost = refused(WorkerLost, making, "closed");
    await other.close();
    await lost;
    await refused(WorkerLost, key.sign(MESSAGE), "closed");
    await refused(WorkerLost, other.close(), "closed");
    await core.sha256(MESSAGE);
  },
  async "the page may make the Worker"() {
    const core = await HbssWorker.start({ worker: begin() });
    must((await core.sha256(MESSAGE)).length === 32, "it runs");
    await core.close();
  },
  async "a module that is not there is said so"() {
    await refused(HbssError, HbssWorker.start({ source: new URL("nowhere.wasm", location.href) }), "404");
  },
  async "the module may come as bytes, or compiled"() {
    const bytes = await (await fetch("/demo_chat/static/hbss.wasm")).arrayBuffer();
    const module = await WebAssembly.compile(bytes);
    for (const source of [bytes, new Uint8Array(bytes), module, "/demo_chat/static/hbss.wasm"]) {
      const core = await HbssWorker.start({ source });
      must((await core.sha256(MESSAGE)).length === 32, "it runs");
      await core.close();
    }
  },
};

/** What became of each rule. */
export async function rules() {
  const became = {}, core = await HbssWorker.start();
  for (const [name, rule] of Object.entries(RULES)) {
    try {
      await rule(core);
      became[name] = "kept";
    } catch (error) {
      became[name] = `${error.stack}`;
    }
  }
  await core.close();
  return became;
}

/** Why this page may not start a Worker. */
export async function refusal() {
  return HbssWorker.start().then(() => ["it may"], (error) => [error.name, error.message]);
}

/** The length of a signature that is made and verified by files that lie elsewhere. */
export async function elsewhere(folder) {
  const [{ HbssWorker }, { load }] = [await import(`${folder}/hbss-client.js`), await import(`${folder}/hbss.js`)];
  const hbss = await HbssWorker.start(), key = await hbss.createLms(SMALL), leaf = await key.reserve();
  const signature = await key.sign(leaf, MESSAGE);
  await hbss.verify("LMS", key.publicKey, MESSAGE, signature);
  (await load()).verify("LMS", key.publicKey, MESSAGE, signature);
  return signature.length;
}
