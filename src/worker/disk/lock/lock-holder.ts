/** Who holds the lock of a collection, for whoever looks at it from outside and leaves no trace. */
import { pause } from "../../ports/clock.js";
import type { Files } from "../../ports/files.js";
import type { CollectionPaths } from "../paths.js";
import { readLock } from "./lock-file.js";
import {
  type Contender,
  isForeign,
  judge,
  type LockRecord,
  parseLock,
  STALE_MS,
} from "./lock-record.js";

/** Interval at which a lock is looked at of which only the heartbeat can tell. */
const POLL_MS = 250;

interface HolderParts extends Omit<Contender, "owner" | "abandoned"> {
  readonly files: Files;
  readonly paths: CollectionPaths;
}

/** The owner of a collection; `silent` if it is dead, and `foreign` if the file is no lock. */
export type Holder =
  | { readonly state: "free" | "foreign" }
  | { readonly state: "held" | "silent"; readonly record: LockRecord | null };

/** Looks at the lock, for up to 10 s where only the heartbeat can show whether its owner is alive. */
export async function holderOf(parts: HolderParts): Promise<Holder> {
  const { files, paths, clock } = parts;
  const contender = { ...parts, owner: "", abandoned: [] };
  const start = clock.monotonic();
  let seen: string | null = null;
  for (;;) {
    const text = await readLock(files, paths.lock);
    if (text === null) return { state: "free" };
    if (isForeign(text)) return { state: "foreign" };
    const record = parseLock(text);
    const verdict = await judge(record, contender);
    const isBeating = seen !== null && seen !== text;
    if (verdict === "held" || isBeating) return { state: "held", record };
    const isOver = clock.monotonic() - start >= STALE_MS;
    if (verdict !== "unsure" || isOver) return { state: "silent", record };
    seen = text;
    await pause(clock, POLL_MS);
  }
}
