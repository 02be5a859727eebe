/** The event-loop probe: a stall of 100 ms is seen once, as 100 ms, for as long as it lasted. */
import { describe, expect, it } from "vitest";

import { type Pacer, startPacer } from "../../bench/load/pacer.js";
import { startProbe } from "../../bench/load/probe.js";
import { now } from "../../bench/load/time.js";
import { stall } from "./stall.js";

const STALL_MS = 100;
const SECOND = { everyMs: 1, ticks: 1000 };

function probeOf(options: Parameters<typeof stall>[0]): ReturnType<typeof startProbe> {
  const { pace, clock } = stall(options);
  return startProbe(pace, clock);
}

describe("the probe", () => {
  it("sees the longest wait of a stall, and that a tenth of the time was lost", () => {
    const delays = probeOf({ ...SECOND, lastsMs: STALL_MS })(0, 1000);
    expect(delays.count).toBe(1000);
    expect(delays.percentile(99.8)).toBeCloseTo(98, 0);
    expect(delays.percentile(99)).toBeCloseTo(90, 0);
    expect(delays.percentile(95)).toBeCloseTo(50, 0);
    expect(delays.percentile(89)).toBeCloseTo(0, 0);
  });

  it("does not see it before or after", () => {
    const between = probeOf({ ...SECOND, lastsMs: STALL_MS });
    expect(between(STALL_MS + 1, 1000).percentile(99)).toBeCloseTo(0, 0);
    expect(between(-1000, 0).count).toBe(0);
  });

  it("does not count by how much its own thread was late", () => {
    const delays = probeOf({ ...SECOND, lastsMs: 0, pacerLateMs: 20 })(0, 2000);
    expect(delays.percentile(99)).toBeCloseTo(0, 0);
  });

  it("sees a real stall", async () => {
    let began = (): void => undefined;
    const beginning = new Promise<void>((resolve) => (began = resolve));
    let pacer: ReturnType<Pacer> | undefined;
    const between = startProbe((perSecond, onTick) => {
      pacer = startPacer(perSecond, (due, sent) => {
        began();
        onTick(due, sent);
      });
      return pacer;
    });
    await beginning;
    const from = now();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    await pacer?.stop();
    expect(between(from, now()).percentile(50)).toBeGreaterThanOrEqual(50);
  });
});
