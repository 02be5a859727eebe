/** Owns places that sessions move between, in memory: whatever is asked of one is one atomic step. */
import type { FoundSession, StoredSession, Touch, Write } from "../../../src/protocol/contract.js";
import type { Step } from "./interleavings.js";

/** A session: its text and when it expires. */
export interface Kept {
  readonly json: FoundSession;
  readonly expiresAt: number;
}

/** What both places have. */
export class TwoPlaces {
  readonly old = new Map<string, Kept>();
  readonly new = new Map<string, Kept>();
  readonly marks = new Set<string>();
  readonly #marksDestroyed: boolean;

  /** @param marksDestroyed false for a new place that forgets what was destroyed */
  constructor({ marksDestroyed = true } = {}) {
    this.#marksDestroyed = marksDestroyed;
  }

  /** The old place, as a program asks it. */
  source(step: Step) {
    return {
      read: (sid: string) =>
        step((): StoredSession | null => {
          const kept = this.old.get(sid);
          if (kept === undefined) return null;
          return [kept.json, kept.expiresAt, null, null];
        }),
      remove: (sid: string) => step(() => Number(this.old.delete(sid))),
      idsOf: () => Promise.resolve([]),
    };
  }

  /** The new place, as a program asks it. */
  destination(step: Step) {
    return {
      get: ([sid = ""]: readonly string[]) => step(() => [this.new.get(sid)?.json ?? null]),
      adopt: (sid: string, [json, expiresAt]: StoredSession) =>
        step(() => {
          if (!this.new.has(sid) && !this.marks.has(sid)) this.new.set(sid, { json, expiresAt });
        }),
      write: ([write]: readonly Write[]) => step(() => [this.#write(write!)]),
      touch: ([touch]: readonly Touch[]) => step(() => [this.#touch(touch!)]),
    };
  }

  #write([sid, json, expiresAt = 0, mode]: Write): number {
    const live = this.new.has(sid);
    if (json === undefined) {
      this.new.delete(sid);
      if (this.#marksDestroyed) this.marks.add(sid);
    } else if (live || mode === "put") this.new.set(sid, { json, expiresAt });
    return Number(live);
  }

  #touch([sid, , expiresAt]: Touch): boolean {
    const kept = this.new.get(sid);
    if (kept !== undefined) this.new.set(sid, { json: kept.json, expiresAt });
    return kept !== undefined;
  }
}
