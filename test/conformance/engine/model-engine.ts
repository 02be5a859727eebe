/**
 * Owns an engine over a map: what the contract means in the fewest words. The suite is tested with
 * it, and compares other engines with it.
 */
import type {
  Engine,
  EngineStats,
  FoundSession,
  StoredSession,
  Touch,
  UserSession,
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
  readonly createdAt: number;
  readonly user: string | null;
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
  #refused = 0;

  constructor(place: ModelPlace) {
    this.#place = place;
  }

  async get(sids: readonly string[]): Promise<(FoundSession | null)[]> {
    this.#assertOpen();
    return sids.map((sid) => found(this.#live(sid)));
  }

  async inspect(sids: readonly string[]): Promise<(StoredSession | null)[]> {
    this.#assertOpen();
    return sids.map((sid) => {
      const session = this.#live(sid);
      if (session === undefined) return null;
      return [found(session)!, session.expiresAt, session.createdAt, session.user];
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
    return writes.map(([sid, json, expiresAt = 0, mode, user = null, moved]) => {
      const before = this.#live(sid);
      const createdAt = moved ?? before?.createdAt ?? this.#place.clock.now();
      if (json === undefined) this.#place.sessions.delete(sid);
      else if (mode === "update" && before === undefined) this.#refused++;
      else this.#place.sessions.set(sid, { json, cookie: null, expiresAt, createdAt, user });
      return before === undefined ? 0 : 1;
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

  async sessionsOf(user: string): Promise<UserSession[]> {
    this.#assertOpen();
    return this.#of(user)
      .sort(([, a], [, b]) => b.createdAt - a.createdAt)
      .map(([sid, session]) => [sid, found(session)!, session.createdAt, session.expiresAt]);
  }

  async destroyAllOf(user: string, except: string | null): Promise<number> {
    this.#assertOpen();
    if (this.#place.broken) throw brokenError();
    const sids = this.#of(user).flatMap(([sid]) => (sid === except ? [] : [sid]));
    for (const sid of sids) this.#place.sessions.delete(sid);
    return sids.length;
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

  async watchExpired(): Promise<void> {
    this.#assertOpen();
  }

  async stats(): Promise<EngineStats> {
    this.#assertOpen();
    return { sessions: this.#ids().length, refused: this.#refused };
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

  #of(user: string): [sid: string, session: ModelSession][] {
    return [...this.#place.sessions].filter(
      ([sid, session]) => session.user === user && this.#live(sid) !== undefined,
    );
  }

  #ids(): string[] {
    return [...this.#place.sessions.keys()].filter((sid) => this.#live(sid) !== undefined);
  }
}

function found(session: ModelSession | undefined): FoundSession | null {
  if (session === undefined) return null;
  return session.cookie === null ? session.json : [session.json, session.cookie];
}

function brokenError(): StoreError {
  return new StoreError("STORE_IO", "nothing can be written");
}
