/**
 * Moves all sessions in the background, until a look at the old place finds none. Then nobody has read
 * one there that is not stored yet, or it comes too late: after a while the old place is done with.
 */
import type { DebugLog } from "../../protocol/debug-log.js";
import { type Report, storeClosed, StoreError } from "../../protocol/errors.js";
import { type Clock, pause } from "../ports/clock.js";
import type { Source } from "./places.js";

/** How many are moved at once. */
const AT_ONCE = 128;
/** After how many failures it is taken for one of all. */
const MAX_FAILURES = 64;
/** How long to wait when it cannot go on. */
const RETRY_MS = 1000;

interface WalkParts {
  readonly source: Pick<Source, "pages">;
  readonly clock: Clock;
  readonly move: (sid: string) => Promise<void>;
  /** How long a session may be on its way that was read in the old place. */
  readonly onItsWayMs: number;
  /** Called when all are moved, and again if that fails. */
  readonly finish: () => Promise<void>;
  readonly report: Report;
  readonly log: DebugLog;
}

export class Walk {
  readonly #parts: WalkParts;
  #stopped = false;
  #isTroubled = false;

  constructor(parts: WalkParts) {
    this.#parts = parts;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    const { clock, onItsWayMs, finish } = this.#parts;
    await this.#untilDone(() => this.#moveAll());
    if (this.#stopped) return;
    await pause(clock, onItsWayMs);
    await this.#untilDone(finish);
  }

  /** Does it again as long as it fails. */
  async #untilDone(work: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      try {
        await work();
        return;
      } catch (error) {
        this.#trouble(error);
        await pause(this.#parts.clock, RETRY_MS);
      }
    }
  }

  async #moveAll(): Promise<void> {
    for (;;) {
      const found = await this.#pass();
      this.#isTroubled = false;
      if (found === 0) return;
      this.#parts.log("looks whether a session is left");
    }
  }

  /** A look at the old place, in which all that is found is moved. One that fails holds up no other. */
  async #pass(): Promise<number> {
    let found = 0;
    const failures: unknown[] = [];
    await this.#parts.source.pages(async (sids) => {
      found += sids.length;
      for (let at = 0; at < sids.length; at += AT_ONCE) {
        if (this.#stopped) throw storeClosed();
        const slice = sids.slice(at, at + AT_ONCE).map((sid) => this.#parts.move(sid));
        for (const move of await Promise.allSettled(slice)) {
          if (move.status === "rejected") failures.push(move.reason);
        }
        if (failures.length > MAX_FAILURES) throw failures[0];
      }
    });
    if (failures.length > 0) throw failures[0];
    return found;
  }

  /** Reports it, once until it has gone on. */
  #trouble(cause: unknown): void {
    if (this.#stopped || this.#isTroubled) return;
    this.#isTroubled = true;
    const [code, reason] =
      cause instanceof StoreError
        ? [cause.code, cause.message]
        : (["STORE_IO", String(cause)] as const);
    const message = `sessions cannot be moved now, which is tried again: ${reason}`;
    this.#parts.report(new StoreError(code, message, { cause }));
  }
}
