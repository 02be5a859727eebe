/** Time, and what many durations say together. */
import { createHistogram } from "node:perf_hooks";

const NS_PER_MS = 1e6;

/** Milliseconds on the system's monotonic clock, the same in every thread and process. */
export const now = () => Number(process.hrtime.bigint()) / NS_PER_MS;

export class Latencies {
  #histogram = createHistogram({ figures: 3 });

  add(/** @type {number} */ ms) {
    this.#histogram.record(Math.max(1, Math.round(ms * NS_PER_MS)));
  }

  get count() {
    return this.#histogram.count;
  }
  get min() {
    return this.#histogram.min / NS_PER_MS;
  }

  /** In milliseconds; null where not one sample lies beyond. */
  percentile(/** @type {number} */ percent) {
    if (this.count * (100 - percent) < 100) return null;
    return this.#histogram.percentile(percent) / NS_PER_MS;
  }
}
