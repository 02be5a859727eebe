/** Numbers, and what they say together: percentiles of one window, medians over windows. */

/** Collects many numbers cheaply. */
export class Samples {
  #values = new Float64Array(1 << 14);
  #count = 0;

  add(value) {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = value;
  }

  get count() {
    return this.#count;
  }

  /** Percentiles by nearest rank; null where no sample in that many lies beyond. */
  summary() {
    const sorted = this.#values.slice(0, this.#count).sort();
    const rank = (perMille) => {
      if (sorted.length * (1000 - perMille) < 1000) return null;
      return sorted[Math.ceil((perMille * sorted.length) / 1000) - 1];
    };
    return {
      count: sorted.length,
      p50: rank(500),
      p99: rank(990),
      p999: rank(999),
      max: sorted.at(-1) ?? null,
    };
  }
}

/** Median, least and greatest of a few numbers; undefined where there are none. */
export function spread(numbers) {
  const sorted = numbers.filter((n) => Number.isFinite(n)).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1), n: sorted.length };
}

/** The same for each field of a list of records of numbers. */
export function spreads(records) {
  const names = new Set(records.flatMap((record) => Object.keys(record)));
  const entries = [...names].map((name) => [name, spread(records.map((record) => record[name]))]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
