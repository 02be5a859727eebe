/**
 * The sessions of connect-redis, to be moved from there: under a prefix a string for each, whose name
 * ends with the id. The key of the server says when it expires.
 */
import type { RedisEngineConfig } from "../../protocol/config.js";
import { MAX_TIME } from "../../protocol/config.js";
import type { StoredSession } from "../../protocol/contract.js";
import { type Report, StoreError } from "../../protocol/errors.js";
import { keepAliveDuring } from "../ports/keep-alive.js";
import type { Caller } from "./caller.js";
import { timeOf } from "./connection.js";
import { walk, type Walked } from "./listing.js";
import { patternOf } from "./names.js";
import { connect } from "./servers.js";
import { reportSkew } from "./warnings.js";

/** What the server answers when there is no such key, or one that does not expire. */
const NO_KEY = -2;
const NO_EXPIRY = -1;

export class ConnectRedis {
  readonly #caller: Caller;
  readonly #prefix: string;
  readonly #ttlMs: number;
  /** Whether the server has the command that tells when a key expires: since Redis 7.0. */
  #tellsExpiry = true;

  private constructor(caller: Caller, prefix: string, ttlMs: number) {
    this.#caller = caller;
    this.#prefix = prefix;
    this.#ttlMs = ttlMs;
  }

  /**
   * @param ttlMs lifetime of sessions that do not expire there
   * @throws StoreError
   */
  static open(
    config: RedisEngineConfig,
    ttlMs: number,
    { log, report }: { readonly log: (text: string) => void; readonly report: Report },
  ): Promise<ConnectRedis> {
    return keepAliveDuring(
      connect(config, log, (caller, connections) => {
        // When sessions expire is told by one server and heeded by the other.
        reportSkew(connections, report);
        return Promise.resolve(new ConnectRedis(caller, config.redis.prefix, ttlMs));
      }),
    );
  }

  async read(sid: string): Promise<StoredSession | null> {
    const key = this.#prefix + sid;
    const [json, expiresAt] = await Promise.all([
      this.#caller.read(key, ["GET", key]),
      this.#expiryOf(key),
    ]);
    if (typeof json !== "string" || expiresAt === NO_KEY) return null;
    const isLimited = expiresAt !== NO_EXPIRY;
    const until = isLimited ? expiresAt : Math.min(Date.now() + this.#ttlMs, MAX_TIME);
    return [json, until, null, null];
  }

  /** @returns how many there were, 0 or 1 */
  async remove(sid: string): Promise<number> {
    const key = this.#prefix + sid;
    return Number(await this.#caller.read(key, ["UNLINK", key]));
  }

  /** Whose a session is cannot be known before it is stored again. */
  idsOf(): Promise<string[]> {
    return Promise.resolve([]);
  }

  /** Calls `page` with the ids of all sessions. One may come twice. */
  async pages(page: (sids: string[]) => Promise<void>): Promise<void> {
    const walked: Walked = { pattern: patternOf(this.#prefix), type: "string" };
    await walk(this.#caller, walked, (_, keys) =>
      page(keys.map((key) => key.slice(this.#prefix.length))),
    );
  }

  close(): Promise<void> {
    this.#caller.stop();
    return Promise.resolve();
  }

  async #expiryOf(key: string): Promise<number> {
    if (this.#tellsExpiry) {
      try {
        return Number(await this.#caller.read(key, ["PEXPIRETIME", key]));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        this.#tellsExpiry = false;
      }
    }
    // One right after the other, on one connection: they are answered in the same millisecond or the next.
    const [time, left] = await Promise.all([
      this.#caller.read(key, ["TIME"]),
      this.#caller.read(key, ["PTTL", key]),
    ]);
    return Number(left) < 0 ? Number(left) : Math.floor(timeOf(time)) + Number(left);
  }
}

/** Whether the server does not have a command, or does not allow it. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof StoreError && (error.code === "STORE_IO" || error.code === "STORE_DENIED")
  );
}
