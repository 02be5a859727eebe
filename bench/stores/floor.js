/**
 * The least that a store in another thread costs: the same JSON text crosses a bare MessagePort to
 * a worker that keeps it in a Map; the gets of one tick in one message, or several if they are many, the
 * sets in another.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { parentPort, Worker, workerData } from "node:worker_threads";
import session from "express-session";

/** @typedef {(error: unknown, value?: unknown) => void} Callback */

/** So many gets need not wait for the end of the tick: both threads work at once then. */
const EAGER_GETS = 32;

/**
 * Calls of one kind: sent when there are `eager` of them, or at the end of the tick; answered in their
 * order.
 * @param {(calls: unknown[]) => void} send
 */
function lane(send, eager = Infinity) {
  const calls = /** @type {unknown[]} */ ([]);
  const callbacks = /** @type {Callback[]} */ ([]);
  const flush = () => {
    if (calls.length > 0) send(calls.splice(0));
  };
  return {
    add(/** @type {unknown} */ call, /** @type {Callback} */ callback) {
      callbacks.push(callback);
      if (calls.push(call) === 1) process.nextTick(flush);
      if (calls.length === eager) flush();
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
    const data = { floor: fsync ? join(directory, "floor") : "" };
    const worker = new Worker(new URL(import.meta.url), { workerData: data });
    const gets = lane((sids) => worker.postMessage({ sids }), EAGER_GETS);
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

/** In that thread: keeps texts, and counts the pairs of id and text it has kept. */
async function keep(/** @type {string} */ path) {
  const file = path ? await open(path, "a") : undefined;
  const texts = new Map();
  const waiting = /** @type {string[]} */ ([]);
  let writing = false;

  /** One fsync at a time; what comes meanwhile shares the next. */
  async function write() {
    if (writing) return;
    writing = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0);
      await file?.write(batch.join("\n"));
      await file?.datasync();
      parentPort?.postMessage({ stored: batch.length });
    }
    writing = false;
  }

  parentPort?.on("message", ({ sids, pairs = [] }) => {
    const textOf = (/** @type {string} */ sid) => texts.get(sid) ?? "null";
    if (sids) return parentPort?.postMessage({ texts: sids.map(textOf) });
    for (const [sid, text] of pairs) texts.set(sid, text);
    if (!file) return parentPort?.postMessage({ stored: pairs.length });
    for (const [, text] of pairs) waiting.push(text);
    return write();
  });
}

if (workerData?.floor !== undefined) await keep(workerData.floor);
