/**
 * The least that a store in another thread costs: the same JSON text crosses a bare MessagePort to
 * a worker that keeps it in a Map; the gets of one tick in one message, the sets in another.
 */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import session from "express-session";

/** @typedef {(error: unknown, value?: unknown) => void} Callback */

/** Calls of one kind: sent at the end of the tick, answered in their order. */
function lane(/** @type {(calls: unknown[]) => void} */ send) {
  /** @type {unknown[]} */
  let calls = [];
  /** @type {Callback[]} */
  const callbacks = [];
  return {
    add(/** @type {unknown} */ call, /** @type {Callback} */ callback) {
      callbacks.push(callback);
      if (calls.push(call) > 1) return;
      process.nextTick(() => {
        send(calls);
        calls = [];
      });
    },
    settle(/** @type {unknown[]} */ values) {
      const settled = callbacks.splice(0, values.length);
      for (const [index, callback] of settled.entries()) callback(null, values[index]);
    },
  };
}

/**
 * @param {string} label @param {boolean} fsync whether a set is answered when its text is fsynced
 * @returns {import("./index.js").Contender}
 */
const contender = (label, fsync) => ({
  label,
  guarantee: "none",
  async open(directory) {
    const workerData = fsync ? join(directory, "floor") : undefined;
    const worker = new Worker(new URL("floor-worker.js", import.meta.url), { workerData });
    const gets = lane((sids) => worker.postMessage({ sids }));
    const sets = lane((pairs) => worker.postMessage({ pairs }));
    worker.on("message", ({ texts, stored }) => {
      if (texts) gets.settle(texts.map((/** @type {string} */ text) => JSON.parse(text)));
      else sets.settle(new Array(stored).fill(undefined));
    });
    const store = Object.assign(new session.MemoryStore(), {
      get: gets.add,
      set(/** @type {string} */ sid, /** @type {object} */ body, /** @type {any} */ callback) {
        sets.add([sid, JSON.stringify(body)], callback);
      },
    });
    return { store, close: () => worker.terminate() };
  },
});

export const floors = {
  floor: contender("floor: an echo", false),
  "floor-fsync": contender("floor: an echo, fsynced", true),
};
