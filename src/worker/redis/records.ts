/** Sessions as fields of a hash, sealed if there is a key, and back. */
import type { FoundSession } from "../../protocol/contract.js";
import { type Report, StoreError } from "../../protocol/errors.js";
import type { Seals } from "./seal.js";

/** A session that was read. Times in epoch milliseconds. */
export interface Session {
  readonly found: FoundSession;
  readonly token: string;
  readonly expiresAt: number;
  readonly createdAt: number;
  readonly user: string | null;
}

/** What a session is read from; the last ones only where they are asked for. */
const FIELDS: readonly string[] = ["d", "c", "e", "w", "t", "u"];
const NEEDED = 4;

export class Records {
  readonly #seals: Seals | null;
  readonly #absoluteTtlMs: number;
  readonly #report: Report;

  constructor(seals: Seals | null, absoluteTtlMs: number | null, report: Report) {
    this.#seals = seals;
    this.#absoluteTtlMs = absoluteTtlMs ?? Infinity;
    this.#report = report;
  }

  /** A value as it is stored. */
  sealed(text: string, key: string, field: "d" | "c" | "i"): string {
    return this.#seals === null ? text : this.#seals.seal(text, `${key} ${field}`);
  }

  /** An id as it is stored beside its session; empty where the key's name tells it. */
  sealedId(sid: string, key: string): string {
    // As JSON, since not all texts have a form in UTF-8.
    return this.#seals === null ? "" : this.sealed(JSON.stringify(sid), key, "i");
  }

  /** Dual of {@link sealedId}; null if no key opens it. */
  openedId(sealedId: string | null, key: string): string | null {
    const json = this.opened(sealedId ?? "", key, "i");
    return json === null ? null : (JSON.parse(json) as string);
  }

  /** The command that reads a session, with its times and its user if asked for. */
  reading(key: string, all = this.mayOutlive): readonly string[] {
    return ["HMGET", key, ...(all ? FIELDS : FIELDS.slice(0, NEEDED))];
  }

  /** The live session in the answer to that; null if there is none, or none that can be read. */
  session(key: string, reply: unknown): Session | null {
    const [d, c, e, w, t, u] = reply as (string | null)[];
    if (d == null || e == null) return null;
    const createdAt = t == null ? Infinity : Number(t);
    const expiresAt = Math.min(Number(e), createdAt + this.#absoluteTtlMs);
    if (expiresAt <= Date.now()) return null;
    const json = this.opened(d, key, "d");
    const cookie = c == null ? null : this.opened(c, key, "c");
    if (json === null || (c != null && cookie === null)) return null;
    const found: FoundSession = cookie === null ? json : [json, cookie];
    return { found, token: w ?? "", expiresAt, createdAt, user: u ?? null };
  }

  /** A value as it was before it was stored; null, and reported, if no key opens it. */
  opened(value: string, key: string, field: "d" | "c" | "i"): string | null {
    if (this.#seals === null) return value;
    const text = this.#seals.open(value, `${key} ${field}`);
    if (text === null) {
      const message =
        "a session in Redis was changed, moved, or encrypted with another key: it is not served";
      this.#report(new StoreError("STORE_CORRUPT", message));
    }
    return text;
  }

  /** Whether keys that exist must be looked at to know whose sessions live. */
  get mayOutlive(): boolean {
    return this.#absoluteTtlMs !== Infinity;
  }

  get isSealed(): boolean {
    return this.#seals !== null;
  }

  /** Whether a session lives, by its times. */
  lives(e: string | null, t: string | null): boolean {
    const createdAt = t === null ? Infinity : Number(t);
    return e !== null && Math.min(Number(e), createdAt + this.#absoluteTtlMs) > Date.now();
  }
}
