/** Ticks at a fixed rate from a thread of its own, so that a stalled event loop delays none. */
import { Worker } from "node:worker_threads";

/**
 * Calls `onTick(dueMs, sentMs)` `perSecond` times a second, both on the shared clock: when the tick
 * was due, and when the pacer, which is itself at the mercy of the scheduler, sent it. Ticks that
 * the event loop is late for arrive late, none is skipped.
 */
export function pace({ perSecond, onTick }) {
  const stopped = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("./pacer-worker.js", import.meta.url), {
    workerData: { perSecond, stopped },
  });
  worker.on("message", (tick) => onTick(tick[0], tick[1]));
  const ended = new Promise((resolve, reject) => {
    worker.once("exit", resolve);
    worker.once("error", reject);
  });
  return {
    /** Settles when the last tick has been delivered. */
    stop() {
      Atomics.store(stopped, 0, 1);
      Atomics.notify(stopped, 0);
      return ended;
    },
  };
}
