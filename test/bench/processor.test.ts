/** The processor time of a thread is its own: neither that of others, nor what it waits for them. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";

import { threadUs } from "../../bench/load/processor.js";

const BUSY_US = 50_000;

describe.runIf(process.platform === "linux")("the processor time of a thread", () => {
  it("counts its work", () => {
    const all = process.cpuUsage();
    const start = threadUs() ?? NaN;
    while ((threadUs() ?? NaN) - start < BUSY_US);
    const { user, system } = process.cpuUsage(all);
    expect(user + system).toBeGreaterThanOrEqual(BUSY_US * 0.9);
  });

  it("does not count that of another, however long it waits for it", async () => {
    const work = `
      const { parentPort, workerData } = require("node:worker_threads");
      const start = process.cpuUsage();
      for (;;) {
        const { user, system } = process.cpuUsage(start);
        if (user + system > ${BUSY_US}) break;
      }
      Atomics.store(workerData, 0, 1);
      Atomics.notify(workerData, 0);`;
    const done = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(work, { eval: true, workerData: done });
    await once(worker, "online");
    const start = threadUs() ?? NaN;
    Atomics.wait(done, 0, 0);
    const used = (threadUs() ?? NaN) - start;
    await worker.terminate();
    expect(used).toBeLessThan(BUSY_US / 2);
  });
});
