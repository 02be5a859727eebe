/**
 * The store without express-session's base class: sessions in, sessions out, promises throughout.
 * What a session is ends here; the engine knows only its JSON text.
 */
import type { FoundSession } from "../protocol/contract.js";
import { isErrorLike, type Report, StoreError } from "../protocol/errors.js";
import { Batcher } from "./batch.js";
import type { EngineHost } from "./hosts/engine-host.js";
import { expiryOf } from "./expiry.js";
import { hostInline } from "./hosts/inline-host.js";
import { NEVER, type Settings } from "./options/resolve.js";
import { workerFile } from "./hosts/worker-file.js";
import { WorkerHost } from "./hosts/worker-host.js";

/** What `all` parses before other work gets a turn. */
const PAGE_SIZE = 64;

/** Its envelope is a third longer, and a line must fit into a string: 2^29 - 24 characters. */
const MAX_SESSION_BYTES = 256 * 1024 * 1024;

export class Client {
  readonly ready: Promise<void>;
  readonly #settings: Settings;
  readonly #host: EngineHost;
  readonly #batch: Batcher;
  readonly #report: Report<Error>;
  /** Listings under way: they take several calls of the engine, which must not close in between. */
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
    // Whoever does not wait for `ready` must hear of it all the same.
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
    const { disableTTL, defaultTtlMs } = this.#settings;
    const now = Date.now();
    const expiresAt = expiryOf(session, now, defaultTtlMs);
    const json = this.#encode(session);
    // A UTF-16 unit takes at most three bytes: few are long enough to have them counted.
    if (json.length * 3 > MAX_SESSION_BYTES && Buffer.byteLength(json) > MAX_SESSION_BYTES) {
      throw notSerializable(`it is larger than ${MAX_SESSION_BYTES} bytes of JSON`);
    }
    await this.#batch.write(expiresAt > now ? [sid, json, disableTTL ? NEVER : expiresAt] : [sid]);
  }

  async touch(sid: string, session: object): Promise<"OK" | "EXPIRED"> {
    this.#assertOpen();
    assertSid(sid);
    assertSession(session);
    const { disableTouch, disableTTL, defaultTtlMs } = this.#settings;
    if (disableTouch || disableTTL) return "OK";
    const expiresAt = expiryOf(session, Date.now(), defaultTtlMs);
    const cookie: unknown = "cookie" in session ? session.cookie : undefined;
    const isObject = typeof cookie === "object" && cookie !== null;
    const live = await this.#batch.touch([sid, isObject ? stringify(cookie) : null, expiresAt]);
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

  /** All that the engine can tell, in one object. */
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

  async #list(engine: EngineHost["engine"]): Promise<object[]> {
    const ids = await engine.ids();
    const sessions: object[] = [];
    for (let at = 0; at < ids.length; at += PAGE_SIZE) {
      const page = ids.slice(at, at + PAGE_SIZE);
      for (const [index, found] of (await engine.get(page)).entries()) {
        const session = found === null ? null : this.#decode(found);
        if (session !== null) sessions.push(Object.assign(session, { id: page[index] }));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    return sessions;
  }

  /** The engine for a call that is about no session in particular: it overtakes none. */
  #engine(): EngineHost["engine"] {
    this.#assertOpen();
    this.#batch.flush();
    return this.#host.engine;
  }

  #assertOpen(): void {
    if (this.#closing !== null) {
      throw new StoreError("STORE_CLOSED", "the store has been closed: open a new one");
    }
  }

  /** The session as JSON text; a custom serializer's text becomes a JSON string. */
  #encode(session: object): string {
    const { serializer } = this.#settings;
    if (serializer === null) return stringify(session);
    let text: unknown;
    try {
      text = serializer.stringify(session);
    } catch (cause) {
      throw notSerializable(`stringify of the option "serializer" threw (${nameOf(cause)})`);
    }
    if (typeof text !== "string") {
      throw notSerializable(
        `stringify of the option "serializer" must return a string, got a value of type ${typeof text}`,
      );
    }
    return JSON.stringify(text);
  }

  /**
   * Dual of {@link #encode}; null, and a report, where the text cannot be parsed.
   * @throws TypeError where the serializer is asynchronous
   */
  #decode(found: FoundSession): object | null {
    const [json, cookie] = typeof found === "string" ? [found, null] : found;
    let session: unknown;
    let newer: object;
    try {
      session = this.#parse(json);
      newer = cookie === null ? {} : { cookie: JSON.parse(cookie) as unknown };
    } catch (cause) {
      return this.#unreadable(nameOf(cause));
    }
    if (typeof session !== "object" || session === null) {
      return this.#unreadable("it was made by another serializer");
    }
    if ("then" in session && typeof session.then === "function") {
      throw new TypeError(
        'parse of the option "serializer" must return the session, not a promise',
      );
    }
    // What a serializer answers with may be frozen.
    const own = this.#settings.serializer === null ? session : { ...session };
    return Object.assign(own, newer);
  }

  #parse(json: string): unknown {
    const { serializer } = this.#settings;
    const stored: unknown = JSON.parse(json);
    if (serializer === null) return stored;
    return serializer.parse(typeof stored === "string" ? stored : json);
  }

  #unreadable(reason: string): null {
    const message = `a stored session cannot be parsed (${reason}); it is not served, and stays in the files`;
    this.#report(new StoreError("STORE_CORRUPT", message));
    return null;
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

function stringify(value: object): string {
  let json: unknown;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    throw notSerializable(`it has a cycle, a BigInt or a toJSON that throws (${nameOf(cause)})`);
  }
  if (typeof json !== "string" || !/^[{[]/.test(json)) {
    throw notSerializable("its toJSON does not return an object");
  }
  return json;
}

function notSerializable(reason: string): StoreError {
  return new StoreError("NOT_SERIALIZABLE", `the session cannot be stored: ${reason}`);
}

/** All that is said of an error whose words may quote a session. */
function nameOf(thrown: unknown): string {
  return isErrorLike(thrown) ? thrown.name : typeof thrown;
}
