/** How long sessions may live, whatever prolongs their lives. */
import type { EngineConfig } from "../../protocol/config.js";
import { nextTurn } from "../../protocol/timers.js";
import type { Collection } from "./documents/collection.js";
import type { SessionDocument } from "./documents/document.js";

/** Sessions that are looked at before calls get a turn. */
const SLICE = 2048;

export type Limits = Pick<EngineConfig, "absoluteTtlMs" | "hasUsers">;

export class Lifetime {
  #limitMs = Infinity;
  /** Whether it is to be known when sessions were created. */
  #isDated = false;

  constructor(limits: Limits) {
    this.tighten(limits);
  }

  /** From now on these limits hold, too. @returns whether they are stricter than those before */
  tighten({ absoluteTtlMs, hasUsers }: Limits): boolean {
    const { limitMs, isDated } = { limitMs: this.#limitMs, isDated: this.#isDated };
    this.#limitMs = Math.min(limitMs, absoluteTtlMs ?? Infinity);
    this.#isDated ||= hasUsers || absoluteTtlMs !== null;
    return this.#limitMs < limitMs || this.#isDated !== isDated;
  }

  /** When a session is created that is stored now. @param before the session that it replaces */
  creation(before: SessionDocument | undefined, now: number): number | undefined {
    return before?.createdAt ?? (this.#isDated ? now : undefined);
  }

  /** When a session expires that is to live until `expiresAt`. */
  expiry(expiresAt: number, createdAt = Infinity): number {
    return Math.min(expiresAt, createdAt + this.#limitMs);
  }

  /**
   * Applies to the sessions that were stored without these limits. Calls are served in between.
   * @returns whether some did not say when they were created: from now on they do
   */
  async apply(collection: Collection, now: number): Promise<boolean> {
    if (!this.#isDated) return false;
    let hasUndated = false;
    let slice = 0;
    for (const [sid, session] of collection.walk()) {
      if (++slice % SLICE === 0) await nextTurn();
      hasUndated ||= session.createdAt === undefined;
      collection.moveExpiry(sid, session, this.limited(session, now));
    }
    return hasUndated;
  }

  /** When a session expires that was stored without these limits. It is dated, if they need that. */
  limited(session: SessionDocument, now: number): number {
    if (this.#isDated) session.createdAt ??= now;
    return this.expiry(session.expiresAt, session.createdAt);
  }
}
