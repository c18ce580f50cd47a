/**
 * The rules of keys and of memory, in Node and in a page: what must be refused, what must be gone. `rules` tries each,
 * and tells what became of it: "kept", or what went wrong.
 */
import { instance, withRandomness } from "./answers.mjs";

const SMALL = "LMS_SHA256_M32_H5_W8", XMSS = "XMSS-SHA2_10_192", FAST = "SLH-DSA-SHA2-128f", SLOW = "SLH-DSA-SHA2-128s";
const encode = (text) => new TextEncoder().encode(text);
const MESSAGE = encode("a message");
const STACK = 1 << 17, DOOR = 512; // where the module's stack begins, downwards; bytes of its outermost frames
/** Bytes that occur nowhere by chance. */
const seeds = (len) => Uint8Array.from({ length: len }, (_, i) => (i * 151 + (i >> 3) * 7 + 33) & 255);

function must(condition, what) {
  if (!condition) throw new Error(`not so: ${what}`);
}

/** The error of this name that `act` must throw, and what it says. */
async function refused(name, act, says = "") {
  try {
    await act();
  } catch (error) {
    must(error.name === name, `${name} was expected, not ${error.name}: ${error.message}`);
    must(error.message.includes(says), `${JSON.stringify(error.message)} says ${JSON.stringify(says)}`);
    return;
  }
  throw new Error(`${name} was expected`);
}

/** How often these bytes stand anywhere in the module's memory. */
function found({ core }, bytes) {
  const memory = new Uint8Array(core.c.memory.buffer);
  let count = 0;
  for (let at = memory.indexOf(bytes[0]); at >= 0; at = memory.indexOf(bytes[0], at + 1)) {
    if (bytes.every((byte, i) => memory[at + i] === byte)) count++;
  }
  return count;
}

/** Make a key of known secret seeds, use it, and wipe it: then neither seeds nor any of its memory is left. */
async function gone(len, make, use) {
  const subject = await instance(), before = subject.core.memory.used, random = seeds(len);
  const key = await withRandomness(random, () => make(subject.hbss));
  await use(key);
  must(found(subject, random.subarray(0, 16)) > 0, "a key in use has its seeds");
  key.wipe();
  must(found(subject, random.subarray(0, 16)) === 0, "a wiped key's first seed is gone");
  must(found(subject, random.subarray(16, 32)) === 0, "a wiped key's second seed is gone");
  must(subject.core.memory.used === before, "a wiped key's memory is free");
}

const RULES = {
  async "a leaf signs once"({ hbss }) {
    const key = await hbss.createLms(SMALL), leaf = key.reserve();
    hbss.verify("LMS", key.publicKey, MESSAGE, key.sign(leaf, MESSAGE));
    await refused("LeafSpent", () => key.sign(leaf, MESSAGE), "leaf 0");
    await refused("LeafSpent", () => key.sign(leaf, encode("another")));
  },
  async "only a reserved leaf signs"({ hbss }) {
    const key = await hbss.createLms(SMALL);
    await refused("LeafSpent", () => key.sign(0, MESSAGE));
    key.reserve();
    for (const leaf of [1, -1, 32, 0.5, NaN, "0", undefined, null]) {
      await refused("LeafSpent", () => key.sign(leaf, MESSAGE));
    }
    key.sign(0, MESSAGE);
  },
  async "leaves come in order, and the last is set aside"({ hbss }) {
    for (const key of [await hbss.createLms(SMALL), await hbss.createXmss(XMSS)]) {
      const all = 2 ** key.height - 1;
      for (let i = 0; i < all; i++) {
        must(key.remaining === all - i, "remaining counts down");
        must(key.reserve() === i, "leaves come in order");
      }
      await refused("KeyExhausted", () => key.reserve());
      await refused("LeafSpent", () => key.sign(all, MESSAGE));
      key.sign(all - 1, MESSAGE);
      must(key.remaining === 0, "none is left");
    }
  },
  async "a leaf is not spent by what is no message"({ hbss }) {
    const key = await hbss.createLms(SMALL), leaf = key.reserve();
    await refused("TypeError", () => key.sign(leaf, "text"), "TextEncoder");
    hbss.verify("LMS", key.publicKey, MESSAGE, key.sign(leaf, MESSAGE));
  },
  async "a one-time key signs once"({ hbss }) {
    for (const set of [SMALL, XMSS]) {
      const key = await hbss.generateOneTime(set), digest = new Uint8Array(set === XMSS ? 24 : 32);
      await refused("RangeError", () => key.sign(new Uint8Array(31)), "31");
      key.sign(digest);
      await refused("KeyExhausted", () => key.sign(digest));
    }
  },
  async "a wiped key refuses"({ hbss }) {
    const key = await hbss.createLms(SMALL), leaf = key.reserve(), other = await hbss.generate(FAST);
    const once = await hbss.generateOneTime(SMALL);
    for (const each of [key, other, once]) {
      each.wipe();
      each.wipe();
    }
    await refused("HandleDead", () => key.sign(leaf, MESSAGE));
    await refused("HandleDead", () => key.reserve());
    await refused("HandleDead", () => key.nodes(0));
    await refused("HandleDead", () => other.sign(MESSAGE));
    await refused("HandleDead", () => other.exportRaw());
    await refused("HandleDead", () => once.sign(new Uint8Array(32)));
  },
  "nothing of an LMS key is left": () =>
    gone(48, (hbss) => hbss.createLms(SMALL), (key) => key.sign(key.reserve(), MESSAGE)),
  "nothing of an XMSS key is left": () =>
    gone(72, (hbss) => hbss.createXmss(XMSS), (key) => key.sign(key.reserve(), MESSAGE)),
  "nothing of an SLH-DSA key is left": () =>
    gone(48, (hbss) => hbss.generate(FAST), (key) => key.sign(MESSAGE, { deterministic: true })),
  "nothing of a one-time key is left": () =>
    gone(48, (hbss) => hbss.generateOneTime(SMALL), (key) => key.sign(new Uint8Array(32))),
  async "nothing of a key that is none is left"(subject) {
    const before = subject.core.memory.used, raw = seeds(64);
    await refused("BadKey", () => subject.hbss.fromRaw(FAST, raw), "PK.root");
    await refused("BadKey", () => subject.hbss.fromRaw(FAST, raw.subarray(1)), "got 63");
    must(found(subject, raw.subarray(0, 16)) === 0, "its seeds are gone");
    must(subject.core.memory.used === before, "its memory is free");
  },
  async "nothing is left of what is broken off"(subject) {
    const { hbss, core } = subject, before = core.memory.used, random = seeds(48);
    const stop = () => {
      throw new RangeError("enough");
    };
    await refused("RangeError", () => withRandomness(random, () => hbss.generate(SLOW, { progress: stop })), "enough");
    must(found(subject, random.subarray(0, 16)) === 0 && core.memory.used === before, "of a key's making");
    const key = await hbss.generate(FAST), held = core.memory.used;
    await refused("RangeError", () => key.sign(MESSAGE, { progress: stop }), "enough");
    must(core.memory.used === held, "of a signature's making");
    hbss.verify(FAST, key.publicKey, MESSAGE, await key.sign(MESSAGE));
    key.wipe();
    must(core.memory.used === before, "of the key");
  },
  async "a key that is wiped while it signs gives nothing"(subject) {
    const { hbss, core } = subject, before = core.memory.used, random = seeds(48);
    const key = await withRandomness(random, () => hbss.generate(SLOW));
    const signing = key.sign(MESSAGE);
    key.wipe();
    await refused("HandleDead", () => signing);
    must(found(subject, random.subarray(0, 16)) === 0 && core.memory.used === before, "and its memory is wiped");
  },
  async "others have their turn while a key works"({ hbss }) {
    const key = await hbss.generate(FAST), signature = await key.sign(MESSAGE), order = [];
    const making = hbss.createLms("LMS_SHA256_M32_H10_W4").then(() => order.push("key"));
    await new Promise((resolve) => setTimeout(resolve));
    hbss.verify(FAST, key.publicKey, MESSAGE, signature);
    order.push("verified");
    await making;
    must(order.join() === "verified,key", order.join());
  },
  async "work that is done side by side does not mix"({ hbss }) {
    const key = await hbss.generate(FAST), texts = ["one", "two", "three"].map(encode);
    const alone = [];
    for (const text of texts) alone.push(await key.sign(text, { deterministic: true }));
    const [together, other] = await Promise.all([
      Promise.all(texts.map((text) => key.sign(text, { deterministic: true }))), hbss.generate(SLOW),
    ]);
    must(together.every((signature, i) => signature.join() === alone[i].join()), "the signatures are the same");
    must(other.publicKey.length === 32, "and so is the key");
  },
  async "progress ends with all that is done"({ hbss }) {
    for (const work of ["generate", "createLms"]) {
      const told = [];
      await hbss[work](work === "generate" ? SLOW : SMALL, { progress: (done, total) => told.push([done, total]) });
      const total = work === "generate" ? 512 : 32;
      must(told[told.length - 1].join() === `${total},${total}`, `${work}: ${told.join(" ")}`);
    }
  },
  async "nothing that is verified stays in memory"({ hbss, core }) {
    const key = await hbss.createLms(SMALL), leaf = key.reserve(), long = seeds(300_000);
    const signature = key.sign(leaf, long), before = core.memory.used;
    hbss.verify(SMALL, key.publicKey, long, signature);
    await refused("InvalidSignature", () => hbss.verify(SMALL, key.publicKey, long.subarray(1), signature));
    await refused("BadKey", () => hbss.verify(SMALL, key.publicKey.subarray(1), long, signature));
    must(core.memory.used === before, "all is given back");
    must(found({ core }, long.subarray(1000, 1032)) === 0, "the message is wiped");
  },
  async "what is malformed is refused by name"({ hbss }) {
    const key = await hbss.createLms(SMALL), leaf = key.reserve(), signature = key.sign(leaf, MESSAGE);
    const { publicKey } = key, verify = (...args) => () => hbss.verify(...args);
    for (const bad of [signature.subarray(1), signature.subarray(0, -1), new Uint8Array(), new Uint8Array(1 << 20)]) {
      await refused("InvalidSignature", verify("LMS", publicKey, MESSAGE, bad));
      await refused("InvalidSignature", () => hbss.explain(publicKey, MESSAGE, bad));
    }
    await refused("BadKey", verify("LMS", publicKey.subarray(0, -1), MESSAGE, signature), "malformed");
    await refused("BadKey", verify("LMS", publicKey.slice().fill(255, 4, 8), MESSAGE, signature), "type code");
    await refused("BadKey", verify("LMS_SHA256_M32_H5_W4", publicKey, MESSAGE, signature), "LMS_SHA256_M32_H5_W8");
    await refused("BadKey", verify(`${SMALL}+${SMALL}`, publicKey, MESSAGE, signature), "1 level(s)");
    await refused("BadKey", verify(FAST, publicKey, MESSAGE, signature), "got 60");
    await refused("UnknownParameterSet", verify("LMS_H5", publicKey, MESSAGE, signature), '"LMS_H5"');
    await refused("UnknownParameterSet", () => hbss.generate("SLH-DSA"));
    await refused("RangeError", verify("SLH-DSA", publicKey, MESSAGE, signature), "which set");
    await refused("RangeError", verify(`${FAST}+${SMALL}`, publicKey, MESSAGE, signature), "only LMS sets");
    await refused("RangeError", verify("LMS", publicKey, MESSAGE, signature, { context: MESSAGE }), "no context");
    await refused("RangeError", () => hbss.generate(SMALL), "is a set of LMS");
    await refused("RangeError", () => hbss.createLms(FAST), "is a set of SLH-DSA");
    await refused("RangeError", () => hbss.createLms("LMS_SHA256_M32_H25_W8"), "height 20");
    await refused("RangeError", () => key.nodes(6), "levels 0 to 5");
    await refused("TypeError", verify("LMS", publicKey, "text", signature), "TextEncoder");
    await refused("TypeError", verify("LMS", publicKey, MESSAGE, null), "not null");
    await refused("TypeError", verify("LMS", [...publicKey], MESSAGE, signature), "public key");
  },
  async "a context is part of what is signed"({ hbss }) {
    const key = await hbss.generate(FAST), context = encode("here"), signature = await key.sign(MESSAGE, { context });
    hbss.verify(FAST, key.publicKey, MESSAGE, signature, { context });
    const other = [{}, { context: encode("there") }, { context: new Uint8Array() }];
    for (const options of other) {
      await refused("InvalidSignature", () => hbss.verify(FAST, key.publicKey, MESSAGE, signature, options));
    }
    await refused("RangeError", () => key.sign(MESSAGE, { context: new Uint8Array(256) }), "got 256");
    await key.sign(MESSAGE, { context: new Uint8Array(255) });
  },
  async "signatures are hedged unless asked"({ hbss }) {
    const key = await hbss.generate(FAST), again = await hbss.fromRaw(FAST, key.exportRaw());
    must((await key.sign(MESSAGE)).join() !== (await key.sign(MESSAGE)).join(), "two signatures differ");
    const same = await Promise.all([key, again].map((each) => each.sign(MESSAGE, { deterministic: true })));
    must(same[0].join() === same[1].join(), "two deterministic ones do not, nor does an exported key");
  },
  async "no two keys are the same"({ hbss }) {
    const made = [await hbss.createLms(SMALL), await hbss.createLms(SMALL)].map((key) => key.publicKey.join());
    must(made[0] !== made[1], "the seeds are fresh");
  },
  async "a tree's nodes are those of its signatures"({ hbss }) {
    for (const key of [await hbss.createLms(SMALL), await hbss.createXmss(XMSS)]) {
      const n = key.set === SMALL ? 32 : 24;
      const seed = key.set === SMALL ? key.publicKey.slice(12, 28) : key.publicKey.slice(-n);
      const leaf = [key.reserve(), key.reserve(), key.reserve()][2], signature = key.sign(leaf, MESSAGE);
      const path = signature.slice(-n * key.height), root = key.nodes(key.height);
      const node = key.nodes(0).slice(leaf * n, (leaf + 1) * n);
      must(hbss.climb(key.set, seed, leaf, node, path).join() === root.join(), "path");
      for (let level = 1; level <= key.height; level++) {
        const above = hbss.parents(key.set, seed, level, 0, key.nodes(level - 1));
        must(above.join() === key.nodes(level).join(), `level ${level}`);
      }
      await refused("RangeError", () => hbss.parents(key.set, seed, 1, 0, new Uint8Array(n)), "pairs");
      const beyond = () => hbss.parents(key.set, seed, key.height, 1, new Uint8Array(2 * n));
      await refused("RangeError", beyond, "out of range");
      await refused("RangeError", () => hbss.climb(key.set, seed.slice(1), 0, new Uint8Array(n), path), "public seed");
    }
  },
  async "nothing secret stays on the stack"({ core }) {
    const PAINT = 0xa5, { c } = core;
    for (let i = 0, backend; (backend = c.hbss_backend_at(i)); i++) {
      for (const name of ["XMSS-SHA2_10_256", "XMSS-SHAKE_10_512", "LMS_SHA256_M32_H5_W1", FAST]) {
        core.within((room) => {
          const row = core.row(name), key = room.take(c.hbss_key_len()), nodes = room.take(row.n);
          const [secret, seed, root] = [row.secretLen, row.publicSeedLen, row.n].map((len) => room.put(seeds(len)));
          core.check(c.hbss_key_from_seeds(key, backend, row.at, secret, seed, root));
          const stack = new Uint8Array(c.memory.buffer, 0, STACK).fill(PAINT);
          core.check(c.hbss_tree(nodes, key, 0, 0n, 0, 0));
          const deepest = stack.findIndex((byte) => byte !== PAINT);
          must(STACK - deepest < 64 << 10, `${name}: ${STACK - deepest} bytes of stack`);
          const left = stack.subarray(deepest, STACK - DOOR).filter((byte) => byte && byte !== PAINT).length;
          must(!left, `${name}: ${left} bytes are left on the stack`);
        });
      }
    }
  },
  async "memory is used again, and grows"({ hbss, core }) {
    const before = core.memory.used, size = core.c.memory.buffer.byteLength;
    for (let i = 0; i < 20; i++) (await hbss.createLms(SMALL)).wipe();
    const several = await Promise.all(Array.from({ length: 20 }, () => hbss.createLms(SMALL)));
    hbss.sha256(new Uint8Array(4 << 20));
    must(core.c.memory.buffer.byteLength > size + (4 << 20) - 1, "a large piece makes it grow");
    for (const key of several) hbss.verify("LMS", key.publicKey, MESSAGE, key.sign(key.reserve(), MESSAGE));
    for (const key of several.sort(() => Math.random() - 0.5)) key.wipe();
    must(core.memory.used === before, "all is given back, in any order");
    const grown = core.c.memory.buffer.byteLength, free = grown - before;
    core.memory.give(core.memory.take(free), free);
    must(core.c.memory.buffer.byteLength === grown, "and there again for the next, in one piece");
  },
};

/** Only where garbage is collected when asked: in Node with --expose-gc. */
const FORGOTTEN = {
  async "a key that is forgotten is wiped"(subject) {
    const before = subject.core.memory.used, random = seeds(48);
    await withRandomness(random, () => subject.hbss.createLms(SMALL).then((key) => key.sign(key.reserve(), MESSAGE)));
    must(found(subject, random.subarray(0, 32)) > 0, "it is not collected yet");
    for (let i = 0; i < 100 && subject.core.memory.used !== before; i++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    must(subject.core.memory.used === before && found(subject, random.subarray(0, 32)) === 0, "it is wiped");
  },
};

/** What became of each rule. */
export async function rules() {
  const became = {};
  for (const [name, rule] of Object.entries({ ...RULES, ...(globalThis.gc ? FORGOTTEN : {}) })) {
    try {
      await rule(await instance());
      became[name] = "kept";
    } catch (error) {
      became[name] = String(error.stack);
    }
  }
  return became;
}
