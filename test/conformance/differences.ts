/**
 * Owns what a store may lack of the suite's behavior: each lack has a name, and whatever rests on it
 * is then required to fail, so that no difference is claimed that is not there.
 */
import { it } from "vitest";

/**
 * What a store may lack.
 *
 * - `promises`: a method called without a callback returns a promise.
 * - `answers`: counts, `"OK"` and `"EXPIRED"`, and null for a session that is not there.
 * - `array`: `all` is an array of sessions with their ids, not a map by id.
 * - `ids`: `ids()` lists the ids.
 * - `lifetime`: sessions expire by `cookie.maxAge` or the ttl where the cookie has no `expires`.
 * - `keep cookie`: the cookie stays when a touch brings none.
 * - `checks`: wrong arguments and sessions without a JSON text are reported.
 * - `dates`: the `expires` of a cookie comes back as the date that it was.
 * - `life`: `ready`, `close`, `compact`, `stats`, and sessions that outlive the store.
 * - `journal`: `stats` tells the sizes of a journal, which `compact` empties, and of a snapshot.
 */
export type Difference =
  | "promises"
  | "answers"
  | "array"
  | "ids"
  | "lifetime"
  | "keep cookie"
  | "checks"
  | "dates"
  | "life"
  | "journal";

/** The differences of one store, and which of them no test has proved yet. */
export class Differences {
  readonly #named: ReadonlySet<Difference>;
  readonly #unproved: Set<Difference>;

  constructor(named: readonly Difference[]) {
    this.#named = new Set(named);
    this.#unproved = new Set(named);
  }

  /** Declares a test of behavior that rests on `feature`; it must fail where the store lacks that. */
  readonly needs = (feature: Difference): typeof it.fails => {
    this.#unproved.delete(feature);
    return this.lacks(feature) ? it.fails : it;
  };

  readonly lacks = (feature: Difference): boolean => this.#named.has(feature);

  get unproved(): readonly Difference[] {
    return [...this.#unproved];
  }
}
