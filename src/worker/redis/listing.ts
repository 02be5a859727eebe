/**
 * A walk over the sessions of all masters, in pages. What this process changes meanwhile is listed as
 * it was when the walk was called; what others change may or may not be in it.
 */
import { StoreError } from "../../protocol/errors.js";
import type { Caller } from "./caller.js";
import type { Connection } from "./connection.js";
import { judge, messageOf } from "./replies.js";

/** About how many keys of the server a page looks at. */
const PAGE_KEYS = "500";
/** How often a walk is begun that a lost connection has ended. */
const MAX_WALKS = 3;

/** What was changed while a walk was under way. */
export class Listing {
  readonly #before = new Map<string, boolean>();

  /** @param live whether there was a live session before */
  changed(sid: string, live: boolean): void {
    if (!this.#before.has(sid)) this.#before.set(sid, live);
  }

  /** The ids that were there when the walk was called. */
  correct(found: Set<string>): Set<string> {
    for (const [sid, live] of this.#before) {
      if (live) found.add(sid);
      else found.delete(sid);
    }
    return found;
  }
}

/** The keys that a walk comes to: those of a type whose names match a pattern. */
export interface Walked {
  readonly pattern: string;
  readonly type: "hash" | "string";
}

/**
 * Calls `page` with the keys. One may come twice, and all may come again.
 * @param since when it was asked for, by `monotonic()`: it begins within the time of a call
 * @throws StoreError
 */
export async function walk(
  caller: Caller,
  walked: Walked,
  page: (connection: Connection, keys: string[]) => Promise<void>,
  since?: number,
): Promise<void> {
  for (let walks = 1; ; walks++) {
    const connections = await caller.all(walks === 1 ? since : undefined);
    try {
      await Promise.all(connections.map((connection) => walkOne(connection, walked, page)));
      return;
    } catch (error) {
      const verdict = judge(error);
      if (verdict.kind === "failed") throw verdict.error;
      if (walks === MAX_WALKS) {
        const message = `the Redis server cannot be read to the end: ${messageOf(error)}`;
        throw new StoreError("STORE_UNREACHABLE", message, { cause: error });
      }
    }
  }
}

async function walkOne(
  connection: Connection,
  { pattern, type }: Walked,
  page: (connection: Connection, keys: string[]) => Promise<void>,
): Promise<void> {
  let cursor = "0";
  do {
    const command = ["SCAN", cursor, "MATCH", pattern, "COUNT", PAGE_KEYS, "TYPE", type];
    const [next, keys] = (await connection.read(command)) as [string, string[]];
    if (keys.length > 0) await page(connection, keys);
    cursor = next;
  } while (cursor !== "0");
}
