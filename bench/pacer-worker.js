/** The thread behind pacer.js: sleeps until each tick is due and posts it. */
import { parentPort, workerData } from "node:worker_threads";
import { now } from "./clock.js";

const { perSecond, stopped } = workerData;
const start = now() + 1;

for (let tick = 0; Atomics.load(stopped, 0) === 0; tick++) {
  const due = start + (tick * 1e3) / perSecond;
  for (let left = due - now(); left > 0; left = due - now()) {
    if (Atomics.wait(stopped, 0, 0, left) !== "timed-out") break;
  }
  parentPort.postMessage([due, now()]);
}
