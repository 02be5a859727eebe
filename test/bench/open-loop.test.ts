/** The open loop: it sends whatever becomes of what it sent, and counts from when that was due. */
import { describe, expect, it } from "vitest";

import { openLoop } from "../../bench/load/loops.js";
import { stall } from "./stall.js";

const answered = Promise.resolve();
const never = new Promise<void>(() => undefined);

describe("openLoop", () => {
  it("counts from the moment a request was due, not from when a stall let it be sent", async () => {
    const loop = await openLoop({
      perSecond: 100,
      until: answered,
      send: () => answered,
      ...stall({ everyMs: 10, ticks: 100, lastsMs: 1000 }),
    });
    const latencies = loop.latencies();
    expect(latencies.percentile(99)).toBeGreaterThanOrEqual(900);
    expect(latencies.percentile(50)).toBeGreaterThanOrEqual(400);
  });

  it("sends on while nothing is answered, and counts what never was", async () => {
    const loop = await openLoop({
      perSecond: 100,
      until: answered,
      send: () => never,
      drainMs: 1,
      ...stall({ everyMs: 10, ticks: 100, lastsMs: 1000 }),
    });
    expect(loop.latencies().count).toBe(100);
    expect(loop.latencies().percentile(99)).toBeGreaterThanOrEqual(900);
  });

  it("loses no tick of a second in which the event loop stood", async () => {
    let began = (): void => undefined;
    const standing = new Promise<void>((resolve) => (began = resolve)).then(() => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    });
    const send = (): Promise<void> => {
      began();
      return answered;
    };
    const loop = await openLoop({ perSecond: 500, until: standing, send });
    expect(loop.latencies().count).toBeGreaterThanOrEqual(400);
    expect(loop.latencies().percentile(99)).toBeGreaterThanOrEqual(900);
  });

  it("fails with the first wrong answer", async () => {
    const loop = openLoop({
      perSecond: 100,
      until: answered,
      send: () => Promise.reject(new Error("HTTP 500")),
      ...stall({ everyMs: 10, ticks: 3, lastsMs: 30 }),
    });
    await expect(loop).rejects.toThrow("HTTP 500");
  });

  it("tells what was under way in a stretch of time from the rest", async () => {
    const loop = await openLoop({
      perSecond: 100,
      until: answered,
      send: () => answered,
      ...stall({ everyMs: 10, ticks: 100, lastsMs: 1000 }),
    });
    expect(loop.latencies(-20, -10).count).toBe(0);
    expect(loop.latencies(0, 500).count).toBe(51);
  });
});
