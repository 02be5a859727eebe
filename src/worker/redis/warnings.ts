/** What is wrong with a server though it works, reported when an engine is opened. */
import { type Report, StoreError } from "../../protocol/errors.js";
import type { Connection } from "./connection.js";
import { unlessRefused } from "./replies.js";

const MAX_SKEW_MS = 1000;

/** Sessions expire by the clock of the server and by that of this machine, whichever is first. */
export function reportSkew(connections: readonly Connection[], report: Report): void {
  const skews = connections.map((connection) => Math.abs(connection.serverNow() - Date.now()));
  const skew = Math.round(Math.max(...skews));
  if (skew <= MAX_SKEW_MS) return;
  report(
    new StoreError(
      "STORE_IO",
      `the clocks of the Redis server and of this machine differ by ${skew} ms: sessions expire by ` +
        "the one that is ahead. Set them by NTP",
    ),
  );
}

/** A server that evicts keys for want of memory ends sessions without a word. */
export async function reportEviction(
  connections: readonly Connection[],
  report: Report,
): Promise<void> {
  for (const connection of connections) {
    const info = await unlessRefused(connection.read(["INFO", "memory"]));
    const policy = /^maxmemory_policy:(\S+)/m.exec(String(info))?.[1] ?? "noeviction";
    if (policy === "noeviction") continue;
    report(
      new StoreError(
        "STORE_FULL",
        `the Redis server evicts keys when its memory is full (maxmemory-policy ${policy}): ` +
          "sessions may end early. Set it to noeviction, or use a server for sessions alone",
      ),
    );
    return;
  }
}
