/**
 * Owns an engine over a map: what the contract means in the fewest words. The suite is tested with
 * it, and compares other engines with it.
 */
import type {
  Engine,
  FoundSession,
  Touch,
  Write,
  WriteOutcome,
} from "../../../src/protocol/contract.js";
import { StoreError } from "../../../src/protocol/errors.js";
import { encodeError } from "../../../src/protocol/wire-error.js";
import { ManualClock } from "../../support/manual-clock.js";

export interface ModelSession {
  readonly json: string;
  readonly cookie: string | null;
  readonly expiresAt: number;
}

export interface ModelPlace {
  readonly sessions: Map<string, ModelSession>;
  readonly clock: ManualClock;
  /** Whether what is written fails. */
  broken: boolean;
  /** How often an engine has been killed here. */
  deaths: number;
}

export function modelPlace(now?: number): ModelPlace {
  return { sessions: new Map(), clock: new ManualClock(now), broken: false, deaths: 0 };
}

export class ModelEngine implements Engine {
  readonly #place: ModelPlace;
  #closed = false;

  constructor(place: ModelPlace) {
    this.#place = place;
  }

  async get(sids: readonly string[]): Promise<(FoundSession | null)[]> {
    this.#assertOpen();
    return sids.map((sid) => {
      const session = this.#live(sid);
      if (session === undefined) return null;
      return session.cookie === null ? session.json : [session.json, session.cookie];
    });
  }

  async touch(touches: readonly Touch[]): Promise<boolean[]> {
    this.#assertOpen();
    return touches.map(([sid, cookie, expiresAt]) => {
      const session = this.#live(sid);
      if (session === undefined) return false;
      const newer = { ...session, cookie: cookie ?? session.cookie, expiresAt };
      this.#place.sessions.set(sid, newer);
      return true;
    });
  }

  async write(writes: readonly Write[]): Promise<WriteOutcome[]> {
    this.#assertOpen();
    if (this.#place.broken) return writes.map(() => encodeError(brokenError()));
    return writes.map(([sid, json, expiresAt = 0]) => {
      const wasLive = this.#live(sid) !== undefined;
      if (json === undefined) this.#place.sessions.delete(sid);
      else this.#place.sessions.set(sid, { json, cookie: null, expiresAt });
      return wasLive ? 1 : 0;
    });
  }

  async length(): Promise<number> {
    this.#assertOpen();
    return this.#ids().length;
  }

  async ids(): Promise<string[]> {
    this.#assertOpen();
    return this.#ids();
  }

  async clear(): Promise<number> {
    this.#assertOpen();
    if (this.#place.broken) throw brokenError();
    const live = this.#ids().length;
    this.#place.sessions.clear();
    return live;
  }

  async compact(): Promise<void> {
    this.#assertOpen();
  }

  async stats(): Promise<{ sessions: number }> {
    this.#assertOpen();
    return { sessions: this.#ids().length };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError("STORE_CLOSED", "the engine has been closed");
  }

  #live(sid: string): ModelSession | undefined {
    const session = this.#place.sessions.get(sid);
    return session !== undefined && session.expiresAt > this.#place.clock.now()
      ? session
      : undefined;
  }

  #ids(): string[] {
    return [...this.#place.sessions.keys()].filter((sid) => this.#live(sid) !== undefined);
  }
}

function brokenError(): StoreError {
  return new StoreError("STORE_IO", "nothing can be written");
}
