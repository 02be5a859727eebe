/** Counts commits and measures how long they take. */
import type { DiskStats } from "../../protocol/contract.js";

export class CommitMeter {
  failed = 0;
  #count = 0;
  #records = 0;
  #lastMs = 0;
  #totalMs = 0;
  #maxMs = 0;

  add(ms: number, records: number): void {
    this.#count++;
    this.#records += records;
    this.#lastMs = ms;
    this.#totalMs += ms;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  stats(): DiskStats["commits"] {
    return {
      count: this.#count,
      records: this.#records,
      failed: this.failed,
      lastMs: this.#lastMs,
      meanMs: this.#count === 0 ? 0 : this.#totalMs / this.#count,
      maxMs: this.#maxMs,
    };
  }
}
