/**
 * When to compact: when the journal has outgrown its limit, when somebody asks, when the journal
 * cannot be trusted; again, after a while, where it failed.
 */
import type { StoreError } from "../../protocol/errors.js";
import type { Timer } from "../ports/clock.js";
import { ioError } from "../ports/failure.js";
import { compact, type CompactionParts } from "./compaction.js";

/** Waits between attempts that failed: doubled from the first to the last. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;

export interface CompactorParts extends CompactionParts {
  /** Journal length from which a compaction may start by itself. */
  readonly walLimitBytes: number;
  readonly report: (error: StoreError) => void;
  readonly log: (text: string) => void;
}

export class Compactor {
  readonly #parts: CompactorParts;
  #snapshotBytes: number;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #retry: Timer | null = null;
  #retryMs = FIRST_RETRY_MS;
  #stopped = false;
  /** How many wait for a compaction that they asked for. */
  #asking = 0;
  #givenUp = false;
  #last: { at: number; durationMs: number } | null = null;

  constructor(parts: CompactorParts, snapshotBytes: number) {
    this.#parts = parts;
    this.#snapshotBytes = snapshotBytes;
  }

  get snapshotBytes(): number {
    return this.#snapshotBytes;
  }

  get last(): { at: number; durationMs: number } | null {
    return this.#last;
  }

  /**
   * Compacts. While a compaction is under way, the next is for all who ask meanwhile: the one under
   * way may have passed by what was acknowledged since it began.
   * @throws StoreError `STORE_IO`, `STORE_LOCKED`; nothing is lost, the files are as before or after
   */
  async run(): Promise<void> {
    this.#asking++;
    this.#givenUp = false;
    try {
      await this.#runNext();
    } finally {
      this.#asking--;
    }
  }

  #runNext(): Promise<void> {
    if (this.#running === null) return this.#run();
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        return this.#run();
      });
    return this.#next;
  }

  #run(): Promise<void> {
    // From a later tick, so that nothing it calls can find none under way and start another.
    this.#running ??= Promise.resolve()
      .then(() => this.#compact())
      .then(
        () => (this.#retryMs = FIRST_RETRY_MS),
        (error: unknown) => {
          this.#scheduleRetry();
          throw error;
        },
      )
      .then(() => undefined)
      .finally(() => (this.#running = null));
    return this.#running;
  }

  /**
   * Starts a compaction in the background if the journal has outgrown both its limit and the
   * snapshot: the cost of rewriting stays proportional to what was written.
   */
  considerRunning(): void {
    const { journal, walLimitBytes } = this.#parts;
    if (this.#stopped || this.#running !== null || this.#retry !== null) return;
    if (journal.length <= Math.max(walLimitBytes, this.#snapshotBytes)) return;
    this.runInBackground();
  }

  /** Keeps trying to replace a journal that cannot be trusted; writes are refused until then. */
  recover(): void {
    if (this.#retry === null && !this.#stopped) this.runInBackground();
  }

  /**
   * Settles when nothing is under way any more; no background attempt starts after this. What nobody
   * asked for is given up: all of it is in the journal.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#givenUp = this.#asking === 0 && this.#parts.journal.trusted;
    this.#retry?.cancel();
    this.#retry = null;
    await (this.#next ?? this.#running)?.catch(() => undefined);
  }

  /** Compacts; a failure is reported and tried again. */
  runInBackground(): void {
    if (this.#stopped) return;
    this.#runNext().catch((error: unknown) => {
      if (this.#givenUp) return;
      this.#parts.report(ioError("compaction failed and will be tried again", error));
    });
  }

  #scheduleRetry(): void {
    if (this.#stopped || this.#parts.committer.disowned !== null) return;
    this.#retry ??= this.#parts.clock.after(this.#retryMs, () => {
      this.#retry = null;
      this.runInBackground();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }

  async #compact(): Promise<void> {
    const { clock, log } = this.#parts;
    const at = clock.now();
    const started = performance.now();
    await compact(this.#parts, {
      isGivenUp: () => this.#givenUp,
      onSnapshot: (bytes) => (this.#snapshotBytes = bytes),
    });
    const durationMs = performance.now() - started;
    this.#last = { at, durationMs };
    log(`compacted to ${this.#snapshotBytes} bytes in ${durationMs.toFixed(0)} ms`);
  }
}
