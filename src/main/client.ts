/**
 * The store without express-session's base class: sessions in, sessions out, promises throughout.
 * Session objects end here; the engine knows only their JSON text.
 */
import type { Engine, EngineListener, FoundSession } from "../protocol/contract.js";
import { type Report, storeClosed, StoreError } from "../protocol/errors.js";
import { nextTurn } from "../protocol/timers.js";
import { assertSession, assertSid, exceptOf } from "./arguments.js";
import { Batcher } from "./batch.js";
import { expiryOf } from "./expiry.js";
import type { EngineHost } from "./hosts/engine-host.js";
import { hostInline } from "./hosts/inline-host.js";
import { sharedHost } from "./hosts/shared-host.js";
import { workerFile } from "./hosts/worker-file.js";
import { WorkerHost } from "./hosts/worker-host.js";
import { NEVER, type Settings } from "./options/resolve.js";
import { userText } from "./options/user-of.js";
import { ParsingTurns } from "./parsing-turns.js";
import { Provenance } from "./provenance.js";
import { decodeSession, encodeCookie, encodeSession } from "./session-text.js";

/** How many sessions `all` asks for at once. */
const PAGE_SIZE = 64;

export class Client {
  readonly ready: Promise<void>;
  readonly #settings: Settings;
  readonly #host: EngineHost;
  readonly #batch: Batcher;
  readonly #report: Report<Error>;
  readonly #provenance = new Provenance();
  /** Listings in progress: each makes several calls of the engine, which must not close in between. */
  readonly #listings = new Set<Promise<object[]>>();
  #closing: Promise<void> | null = null;

  constructor(settings: Settings, report: Report<Error>, onExpired: EngineListener["onExpired"]) {
    this.#settings = settings;
    this.#report = report;
    this.#host = hostOf(settings, { onError: report, onExpired });
    this.#batch = new Batcher(this.#host.engine, settings.maxPendingBytes);
    this.ready = this.#host.ready;
  }

  async get(sid: string): Promise<object | null> {
    this.#assertOpen();
    assertSid(sid);
    const found = await this.#batch.get(sid);
    const session = found === null ? null : this.#decode(found);
    if (session !== null) this.#provenance.found(session);
    return session;
  }

  async set(sid: string, session: object): Promise<void> {
    this.#assertOpen();
    assertSid(sid);
    assertSession(session);
    const { disableTTL, defaultTtlMs, serializer, userOf } = this.#settings;
    const now = Date.now();
    const expiresAt = expiryOf(session, now, defaultTtlMs);
    const json = encodeSession(session, serializer);
    if (expiresAt <= now) {
      await this.#batch.write([sid]);
      return;
    }
    const user = userOf?.(session) ?? null;
    const end = disableTTL ? NEVER : expiresAt;
    await this.#provenance.store(session, sid, (mode) =>
      this.#batch.write([sid, json, end, mode, user]),
    );
  }

  /** For when express-session has made the session of a request, usually from what was found. */
  made(session: object, sid: string, from: object): void {
    this.#provenance.made(session, sid, from);
  }

  async touch(sid: string, session: object): Promise<"OK" | "EXPIRED"> {
    this.#assertOpen();
    assertSid(sid);
    assertSession(session);
    const { disableTouch, disableTTL, defaultTtlMs, serializer } = this.#settings;
    if (disableTouch || disableTTL) return "OK";
    const expiresAt = expiryOf(session, Date.now(), defaultTtlMs);
    const live = await this.#batch.touch([sid, encodeCookie(session, serializer), expiresAt]);
    return live ? "OK" : "EXPIRED";
  }

  async destroy(sid: string): Promise<number> {
    this.#assertOpen();
    assertSid(sid);
    return this.#batch.write([sid]);
  }

  async length(): Promise<number> {
    return this.#engine().length();
  }

  async ids(): Promise<string[]> {
    return this.#engine().ids();
  }

  async all(): Promise<object[]> {
    const listing = this.#list(this.#engine());
    this.#listings.add(listing);
    try {
      return await listing;
    } finally {
      this.#listings.delete(listing);
    }
  }

  async sessionsOf(user: unknown): Promise<object[]> {
    const engine = this.#engine();
    const sessions: object[] = [];
    const turns = new ParsingTurns();
    for (const [id, found, createdAt, expiresAt] of await engine.sessionsOf(this.#user(user))) {
      const session = this.#decode(found);
      if (session !== null) sessions.push({ id, createdAt, expiresAt, session });
      await turns.after(found);
    }
    return sessions;
  }

  async destroyAllOf(user: unknown, options: unknown): Promise<number> {
    const engine = this.#engine();
    return engine.destroyAllOf(this.#user(user), exceptOf(options));
  }

  async clear(): Promise<number> {
    return this.#engine().clear();
  }

  async compact(): Promise<void> {
    return this.#engine().compact();
  }

  /** Tells of expired sessions from now on. */
  watchExpired(): void {
    // If it cannot be told now, the next engine is when it is opened.
    this.#host.engine.watchExpired().catch(() => undefined);
  }

  /** The statistics of the engine, flattened into one object. */
  async stats(): Promise<object> {
    const { disk, sharing, ...common } = await this.#engine().stats();
    return { ...common, ...disk, ...sharing };
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#batch.flush();
    await Promise.allSettled(this.#listings);
    await this.#host.engine.close();
  }

  async #list(engine: Engine): Promise<object[]> {
    const ids = await engine.ids();
    const sessions: object[] = [];
    for (let at = 0; at < ids.length; at += PAGE_SIZE) {
      const page = ids.slice(at, at + PAGE_SIZE);
      const turns = new ParsingTurns();
      for (const [index, found] of (await engine.get(page)).entries()) {
        const session = found === null ? null : this.#decode(found);
        if (session !== null) sessions.push(Object.assign(session, { id: page[index] }));
        if (found !== null) await turns.after(found);
      }
      await nextTurn();
    }
    return sessions;
  }

  /** The engine, for a call that concerns all sessions: what waits to be sent goes first. */
  #engine(): Engine {
    this.#assertOpen();
    this.#batch.flush();
    return this.#host.engine;
  }

  /** A user as the engine knows it. */
  #user(user: unknown): string {
    if (this.#settings.userOf === null) {
      throw new TypeError(
        'the option "userOf" is required for the sessions of a user: it says whose a session is',
      );
    }
    const known = userText(user);
    if (known === null) throw new TypeError("the user must be a string or a number, got none");
    return known;
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw storeClosed();
  }

  /** A session that cannot be parsed is reported and treated as absent. */
  #decode(found: FoundSession): object | null {
    try {
      return decodeSession(found, this.#settings.serializer);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#report(error);
      return null;
    }
  }
}

function hostOf(
  { engine: config, isolate, resourceLimits }: Settings,
  listener: EngineListener,
): EngineHost {
  if (!isolate) return hostInline(config, listener);
  const parts = { file: workerFile(), config, resourceLimits };
  if (config.disk?.share !== true) return new WorkerHost({ ...parts, listener });
  return sharedHost(parts, listener, (all) => new WorkerHost({ ...parts, listener: all }));
}
