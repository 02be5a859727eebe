/** This package's store, as it was built. As a script it owns a directory, for a guest to join. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const ENTRY = new URL("../../dist/index.js", import.meta.url);
const SCRIPT = fileURLToPath(import.meta.url);

/** @param {string} label @param {object} options @returns {import("./index.js").Contender} */
const contender = (label, options) => ({
  label,
  guarantee: "disk",
  ours: true,
  async open(directory, more) {
    /** @type {typeof import("../../src/main/index.js")} */
    const { IsolatedStore } = await import(ENTRY.href);
    const store = new IsolatedStore({ directory, ...options, ...more });
    await store.ready;
    return { store, close: () => store.close() };
  },
});

const isolate = contender("this store", {});

/**
 * A store that needs another process, which is told to end with it.
 * @param {import("./index.js").Opened} opened @param {import("node:child_process").ChildProcess} helper
 */
export function withHelper({ store, close }, helper) {
  const ended = once(helper, "exit");
  return { store, close: async () => (await close(), helper.kill("SIGTERM"), await ended) };
}

/** @type {import("./index.js").Contender} */
const guest = {
  ...contender("this store, a guest", {}),
  async open(directory, more) {
    const owner = fork(SCRIPT, [directory]);
    await once(owner, "message");
    const opened = await isolate.open(directory, more);
    const { role } = await /** @type {any} */ (opened).store.stats();
    if (role !== "guest") throw new Error(`it is the ${role}`);
    return withHelper(opened, owner);
  },
};

export const isolates = {
  isolate,
  "isolate-encrypted": contender("this store, encrypted", { encryptionKey: "a password" }),
  "isolate-guest": guest,
  inline: contender("this store, in-thread", { isolate: false }),
};

if (process.argv[1] === SCRIPT) {
  await isolate.open(process.argv[2] ?? "");
  process.once("disconnect", () => process.exit());
  process.send?.("open");
}
