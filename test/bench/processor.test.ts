/** The processor time of a thread is all its own, and that of no other. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";

import { threadUs } from "../../bench/load/processor.js";

const BUSY_US = 50_000;

/** Works for so long, by the processor time of all threads. */
function work(): void {
  const start = process.cpuUsage();
  for (let used = 0; used < BUSY_US;) {
    const { user, system } = process.cpuUsage(start);
    used = user + system;
  }
}

describe.skipIf(Number.isNaN(threadUs()))("the processor time of a thread", () => {
  it("is that of its work", () => {
    const start = threadUs();
    work();
    const used = threadUs() - start;
    // V8's threads may have had some of it.
    expect(used).toBeGreaterThan(BUSY_US / 2);
    expect(used).toBeLessThan(BUSY_US * 2);
  });

  it("is not that of another, however long it waits for it", async () => {
    const done = new Int32Array(new SharedArrayBuffer(4));
    const other = `
      const { workerData } = require("node:worker_threads");
      const BUSY_US = ${BUSY_US};
      (${work.toString()})();
      Atomics.store(workerData, 0, 1);
      Atomics.notify(workerData, 0);`;
    const worker = new Worker(other, { eval: true, workerData: done });
    await once(worker, "online");
    const start = threadUs();
    Atomics.wait(done, 0, 0);
    const used = threadUs() - start;
    await worker.terminate();
    expect(used).toBeLessThan(BUSY_US / 2);
  });
});
