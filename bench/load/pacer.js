/** Ticks at a fixed rate from a thread of its own, so that a stalled event loop delays none. */
import { once } from "node:events";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { now } from "./time.js";

/**
 * Calls `onTick` so often, and no fewer times if the event loop is busy: with when the tick was due,
 * and when the thread sent it, which may be late itself. `stop` resolves when the last has arrived.
 * @typedef {(due: number, sent: number) => void} OnTick
 * @typedef {(perSecond: number, onTick: OnTick) => { stop: () => Promise<void> }} Pacer
 */

/** @type {Pacer} */
export function startPacer(perSecond, onTick) {
  const stopped = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL(import.meta.url), { workerData: { perSecond, stopped } });
  worker.on("message", ([due, sent]) => onTick(due, sent));
  const ended = once(worker, "exit");
  return {
    async stop() {
      Atomics.store(stopped, 0, 1);
      Atomics.notify(stopped, 0);
      await ended;
    },
  };
}

/** In that thread: sleeps until each tick is due. @param {Int32Array} stopped */
function sendTicks(stopped, /** @type {number} */ perSecond) {
  const start = now();
  for (let tick = 1; Atomics.load(stopped, 0) === 0; tick++) {
    const due = start + (tick * 1e3) / perSecond;
    for (let left = due - now(); left > 0; left = due - now()) {
      if (Atomics.wait(stopped, 0, 0, left) !== "timed-out") break;
    }
    parentPort?.postMessage([due, now()]);
  }
}

if (workerData?.stopped) sendTicks(workerData.stopped, workerData.perSecond);
