/**
 * The store without express-session's base class: sessions in, sessions out, promises throughout.
 * Session objects end here; the engine knows only their JSON text.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

import type { Engine, FoundSession } from "../protocol/contract.js";
import { type Report, StoreError } from "../protocol/errors.js";
import { Batcher } from "./batch.js";
import { expiryOf } from "./expiry.js";
import type { EngineHost } from "./hosts/engine-host.js";
import { hostInline } from "./hosts/inline-host.js";
import { workerFile } from "./hosts/worker-file.js";
import { WorkerHost } from "./hosts/worker-host.js";
import { NEVER, type Settings } from "./options/resolve.js";
import { decodeSession, encodeCookie, encodeSession } from "./session-text.js";

/** How many sessions `all` parses before other work gets a turn. */
const PAGE_SIZE = 64;

export class Client {
  readonly ready: Promise<void>;
  readonly #settings: Settings;
  readonly #host: EngineHost;
  readonly #batch: Batcher;
  readonly #report: Report<Error>;
  /**
   * Listings in progress: each makes several calls of the engine, which must not close in between.
   */
  readonly #listings = new Set<Promise<object[]>>();
  #closing: Promise<void> | null = null;

  constructor(settings: Settings, report: Report<Error>) {
    this.#settings = settings;
    this.#report = report;
    this.#host = settings.isolate
      ? new WorkerHost({ file: workerFile(), config: settings.engine, report })
      : hostInline(settings.engine, report);
    this.#batch = new Batcher(this.#host.engine, settings.maxPendingBytes);
    this.ready = this.#host.ready;
    // An application that does not wait for `ready` must learn of the failure, too.
    this.ready.catch(report);
  }

  async get(sid: string): Promise<object | null> {
    this.#assertOpen();
    assertSid(sid);
    const found = await this.#batch.get(sid);
    return found === null ? null : this.#decode(found);
  }

  async set(sid: string, session: object): Promise<void> {
    this.#assertOpen();
    assertSid(sid);
    assertSession(session);
    const { disableTTL, defaultTtlMs, serializer } = this.#settings;
    const now = Date.now();
    const expiresAt = expiryOf(session, now, defaultTtlMs);
    const json = encodeSession(session, serializer);
    await this.#batch.write(expiresAt > now ? [sid, json, disableTTL ? NEVER : expiresAt] : [sid]);
  }

  async touch(sid: string, session: object): Promise<"OK" | "EXPIRED"> {
    this.#assertOpen();
    assertSid(sid);
    assertSession(session);
    const { disableTouch, disableTTL, defaultTtlMs } = this.#settings;
    if (disableTouch || disableTTL) return "OK";
    const expiresAt = expiryOf(session, Date.now(), defaultTtlMs);
    const live = await this.#batch.touch([sid, encodeCookie(session), expiresAt]);
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

  async clear(): Promise<number> {
    return this.#engine().clear();
  }

  async compact(): Promise<void> {
    return this.#engine().compact();
  }

  /** The statistics of the engine, flattened into one object. */
  async stats(): Promise<object> {
    const { disk, ...common } = await this.#engine().stats();
    return { ...common, ...disk };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
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
      for (const [index, found] of (await engine.get(page)).entries()) {
        const session = found === null ? null : this.#decode(found);
        if (session !== null) sessions.push(Object.assign(session, { id: page[index] }));
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

  #assertOpen(): void {
    if (this.#closing !== null) {
      throw new StoreError("STORE_CLOSED", "the store has been closed: open a new one");
    }
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

function assertSid(sid: unknown): asserts sid is string {
  if (typeof sid !== "string") {
    throw new TypeError(`the session id must be a string, got a value of type ${typeof sid}`);
  }
}

function assertSession(session: unknown): asserts session is object {
  if (typeof session !== "object" || session === null) {
    const what = session === null ? "null" : `a value of type ${typeof session}`;
    throw new TypeError(`the session must be an object, got ${what}`);
  }
}
