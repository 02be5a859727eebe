/** What a stretch of time cost the main thread and the process. */
import { performance } from "node:perf_hooks";
import { now, threadCpuMs } from "./clock.js";
import { pace } from "./pacer.js";
import { Samples } from "./samples.js";
import { meets } from "./stretches.js";

const LAG_PER_SECOND = 1000;
const BIN_MS = 50;

/**
 * Between `start` and `stop`, on the thread that made it:
 *
 * - `busyMs`: time outside the wait for events (event loop utilization). It counts synchronous
 *   waits, for a disk say, as what they are: time in which nothing else could run.
 * - `cpuMs`: CPU of this thread alone; `processCpuMs`: of all threads.
 * - `lagP50`, `lagP99`, `lagMax`: with `lag: true`, how long an event waits for this thread:
 *   another thread sends one a thousand times a second, stamped. monitorEventLoopDelay tells how
 *   late a timer is, in whole milliseconds and once for each stall however long; this counts a
 *   stall for each event that came in during it. `lagSeries`: the greatest in each 50 ms.
 */
export class Probe {
  #ticks = [];
  #startedAt = NaN;
  #cpuMs = 0;
  #processCpu = process.cpuUsage();
  #loop = performance.eventLoopUtilization();
  #pacer;

  constructor({ lag }) {
    if (lag) {
      this.#pacer = pace({
        perSecond: LAG_PER_SECOND,
        onTick: (due, sent) => this.#tick(sent),
      });
    }
  }

  #tick(sentMs) {
    if (Number.isNaN(this.#startedAt) || sentMs < this.#startedAt) return;
    this.#ticks.push([sentMs, now()]);
  }

  start() {
    this.#ticks = [];
    this.#processCpu = process.cpuUsage();
    this.#cpuMs = threadCpuMs();
    this.#loop = performance.eventLoopUtilization();
    this.#startedAt = now();
  }

  /** `stretches` of time, if not null, are those whose delay counts; the series has all. */
  stop(stretches) {
    const loop = performance.eventLoopUtilization(this.#loop);
    const cpu = process.cpuUsage(this.#processCpu);
    const measured = {
      wallMs: now() - this.#startedAt,
      busyMs: loop.active,
      cpuMs: threadCpuMs() - this.#cpuMs,
      processCpuMs: (cpu.user + cpu.system) / 1e3,
      rssBytes: process.memoryUsage.rss(),
    };
    if (this.#pacer) Object.assign(measured, this.#lag(stretches));
    this.#startedAt = NaN;
    return measured;
  }

  #lag(stretches) {
    const lags = new Samples();
    const series = [];
    for (const [sent, received] of this.#ticks) {
      const lag = received - sent;
      if (meets(stretches, sent, received)) lags.add(lag);
      const bin = Math.floor((sent - this.#startedAt) / BIN_MS);
      series[bin] = Math.max(series[bin] ?? 0, lag);
    }
    const { p50, p99, max } = lags.summary();
    const lagSeries = Array.from(series, (lag, bin) => [bin * BIN_MS, lag ?? null]);
    return { lagP50: p50, lagP99: p99, lagMax: max, lagSeries };
  }

  close() {
    return this.#pacer?.stop();
  }
}
