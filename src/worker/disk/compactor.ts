/**
 * When to compact: when the journal exceeds its limit, on request, when the journal cannot be
 * trusted, and again after a failure.
 */
import type { StoreError } from "../../protocol/errors.js";
import type { Timer } from "../ports/clock.js";
import { ioError } from "../ports/failure.js";
import { compact, type CompactionParts } from "./compaction.js";

/** Delay after a failure: starts at the first and doubles up to the last. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;

interface CompactorParts extends CompactionParts {
  /** Length of the journal from which a compaction may start by itself. */
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
  /** How many callers of {@link run} are waiting. */
  #requests = 0;
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
   * Compacts. All requests that arrive during a compaction share the next one, because the current
   * one may not include what was acknowledged since it began.
   * @throws StoreError `STORE_IO`, `STORE_LOCKED`; no data is lost: each file is either old or new
   */
  async run(): Promise<void> {
    this.#requests++;
    this.#givenUp = false;
    try {
      await this.#runNext();
    } finally {
      this.#requests--;
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
    // Starts in a later tick, when `#running` is set: what it calls may ask for a compaction.
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
   * Starts a compaction in the background if the journal exceeds both its limit and the snapshot:
   * the cost of rewriting stays proportional to the amount of data written.
   */
  considerRunning(): void {
    const { journal, walLimitBytes } = this.#parts;
    if (this.#stopped || this.#running !== null || this.#retry !== null) return;
    if (journal.length <= Math.max(walLimitBytes, this.#snapshotBytes)) return;
    this.runInBackground();
  }

  /** Retries until the untrusted journal is replaced; writes are refused until then. */
  recover(): void {
    if (this.#retry === null && !this.#stopped) this.runInBackground();
  }

  /**
   * Resolves when no compaction is running; none starts in the background after this. One that
   * nobody requested is aborted, because the journal has all the data.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#givenUp = this.#requests === 0 && this.#parts.journal.trusted;
    this.#retry?.cancel();
    this.#retry = null;
    await (this.#next ?? this.#running)?.catch(() => undefined);
  }

  /** Compacts; a failure is reported and retried. */
  runInBackground(): void {
    if (this.#stopped) return;
    this.#runNext().catch((error: unknown) => {
      if (this.#givenUp) return;
      this.#parts.report(ioError("the compaction failed and will be retried", error));
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
