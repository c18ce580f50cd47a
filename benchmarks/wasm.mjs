/** What benchmarks/wasm.py has measured in Node and in a page. Times are milliseconds, by the clock. */
import { Core, compile } from "../demo_chat/static/hbss-core.js";
import { Hbss } from "../demo_chat/static/hbss.js";

const SESSION = "LMS_SHA256_M32_H10_W4", IDENTITY = "SLH-DSA-SHA2-128s";
const FUNCTIONS = ["SHA-256", "SHA-512", "SHAKE256"];
const CALLS = 20_000; // of a kernel
const MESSAGE = new Uint8Array(32).fill(7);

/** How long an act takes, its result forgotten. */
async function timed(act) {
  const start = performance.now();
  const result = await act();
  const taken = performance.now() - start;
  result?.wipe?.();
  return taken;
}

/** Nanoseconds per hash call of a kernel, all lanes busy. */
async function kernel(core, name, i, lanes) {
  return ((await timed(() => core.runKernel(name, i, CALLS))) * 1e6) / (CALLS * lanes);
}

/** Every act, a few times, each between two measurements of the kernel: [ns before, ms, ns after]. */
export async function measure(rounds) {
  const core = new Core(await WebAssembly.instantiate(await compile())), hbss = new Hbss(core);
  const lanes = core.kernels("SHA-256")[0][1];
  for (let i = 0; i < 20; i++) await kernel(core, "SHA-256", 0, lanes); // until it is compiled for good
  const first = { keygen_lms: await timed(() => hbss.createLms(SESSION)) }; // while the engine still compiles
  const identity = await hbss.generate(IDENTITY), session = await hbss.createLms(SESSION);
  const signature = await identity.sign(MESSAGE), leaf = session.reserve(), signed = session.sign(leaf, MESSAGE);
  const often = (times, act) => async () => {
    for (let i = 0; i < times; i++) act();
  };
  const acts = {
    keygen_lms: [1, () => hbss.createLms(SESSION)],
    keygen_slhdsa: [1, () => hbss.generate(IDENTITY)],
    sign_slhdsa: [1, () => identity.sign(MESSAGE)],
    sign_lms: [20, often(20, () => session.sign(session.reserve(), MESSAGE))],
    verify_lms: [100, often(100, () => hbss.verify(SESSION, session.publicKey, MESSAGE, signed))],
    verify_slhdsa: [40, often(40, () => hbss.verify(IDENTITY, identity.publicKey, MESSAGE, signature))],
    explain_lms: [4, often(4, () => hbss.explain(session.publicKey, MESSAGE, signed))],
  };
  const times = Object.fromEntries(Object.keys(acts).map((name) => [name, []])), kernels = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, [count, act]] of Object.entries(acts)) {
      const before = await kernel(core, "SHA-256", 0, lanes), taken = (await timed(act)) / count;
      times[name].push([before, taken, await kernel(core, "SHA-256", 0, lanes)]);
    }
    for (const name of FUNCTIONS) {
      for (const [i, [kind, wide]] of core.kernels(name).entries()) {
        (kernels[`${name} ${kind}`] ??= []).push(await kernel(core, name, i, wide));
      }
    }
  }
  return { first, times, kernels };
}

/** In a page, by the Worker: how long key work takes, how soon a verification is answered meanwhile, long tasks. */
export async function behindWorker(rounds) {
  const { HbssWorker } = await import("../demo_chat/static/hbss-client.js");
  const long = [];
  const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration)));
  observer.observe({ type: "longtask" });
  const ready = performance.now(), hbss = await HbssWorker.start(), start = performance.now() - ready;
  const identity = await hbss.generate(IDENTITY), session = await hbss.createLms(SESSION);
  const leaf = await session.reserve(), signed = await session.sign(leaf, MESSAGE);
  const found = { keygen_lms: [], sign_slhdsa: [], verify_meanwhile: [] };
  for (let round = 0; round < rounds; round++) {
    const acts = { keygen_lms: () => hbss.createLms(SESSION), sign_slhdsa: () => identity.sign(MESSAGE) };
    for (const [name, act] of Object.entries(acts)) {
      let busy = true;
      const working = timed(act).then((taken) => {
        busy = false;
        found[name].push(taken);
      });
      while (busy) {
        const taken = await timed(() => hbss.verify(SESSION, session.publicKey, MESSAGE, signed));
        if (busy) found.verify_meanwhile.push(taken);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await working;
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 200)); // an observer is told late
  await hbss.close();
  return { start, times: found, long };
}
