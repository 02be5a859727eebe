/** What a stretch of time cost the main thread and the process. */
import { performance } from "node:perf_hooks";
import { now, threadCpuMs } from "./clock.js";
import { pace } from "./pacer.js";
import { Samples } from "./samples.js";

const LAG_PER_SECOND = 1000;
const MAX_TICKS = LAG_PER_SECOND * 3600;
const BIN_MS = 50;

/**
 * Between `start` and `stop`, on the thread that made it:
 *
 * - `busyMs`: time outside the wait for events (event loop utilization). It counts synchronous
 *   waits, for a disk say, as what they are: time in which nothing else could run.
 * - `cpuMs`: CPU of this thread alone; `processCpuMs`: of all threads.
 * - `lag`: with `lag: true`, how long an event waits for this thread: another thread sends one a
 *   thousand times a second, stamped. Unlike a timer's lateness this has no resolution of 1 ms,
 *   and a stall counts for each event that came in during it. `lagSeries` has its greatest value
 *   in each 50 ms.
 */
export class Probe {
  #samples = new Samples();
  #series = [];
  #startedAt = NaN;
  #cpuMs = 0;
  #processCpu = process.cpuUsage();
  #loop = performance.eventLoopUtilization();
  #pacer;

  constructor({ lag }) {
    if (lag) {
      this.#pacer = pace({
        perSecond: LAG_PER_SECOND,
        ticks: MAX_TICKS,
        onTick: (due, sent) => this.#tick(sent),
      });
    }
  }

  #tick(sentMs) {
    if (Number.isNaN(this.#startedAt) || sentMs < this.#startedAt) return;
    const lag = now() - sentMs;
    this.#samples.add(lag);
    const bin = Math.floor((sentMs - this.#startedAt) / BIN_MS);
    this.#series[bin] = Math.max(this.#series[bin] ?? 0, lag);
  }

  start() {
    this.#samples.clear();
    this.#series = [];
    this.#processCpu = process.cpuUsage();
    this.#cpuMs = threadCpuMs();
    this.#loop = performance.eventLoopUtilization();
    this.#startedAt = now();
  }

  stop() {
    const loop = performance.eventLoopUtilization(this.#loop);
    const cpu = process.cpuUsage(this.#processCpu);
    const measured = {
      wallMs: now() - this.#startedAt,
      busyMs: loop.active,
      cpuMs: threadCpuMs() - this.#cpuMs,
      processCpuMs: (cpu.user + cpu.system) / 1e3,
      rssBytes: process.memoryUsage.rss(),
    };
    this.#startedAt = NaN;
    if (this.#pacer) {
      measured.lag = this.#samples.summary();
      measured.lagSeries = Array.from(this.#series, (lag, bin) => [bin * BIN_MS, lag ?? null]);
    }
    return measured;
  }

  close() {
    return this.#pacer?.stop();
  }
}
