/**
 * Reads the files of a collection into memory. If they hold more than fits, they are read once more,
 * without the sessions that have expired: the journal is read before, because a touch in it may have
 * prolonged the life of a session in the snapshot.
 */
import { StoreError } from "../../protocol/errors.js";
import type { ReadableFile } from "../ports/files.js";
import type { Change } from "./documents/change.js";
import { Collection } from "./documents/collection.js";
import { memoryOf, type SessionDocument } from "./documents/document.js";
import type { Executed } from "./executed.js";
import { type JournalReading, readJournal } from "./journal/journal-reader.js";
import type { Keyring } from "./keys/keyring.js";
import { type MemoryLimits, RAISE_HEAP } from "./memory-room.js";
import { Replay } from "./shapes/replay.js";
import { readSnapshot, type SnapshotReading } from "./snapshot/snapshot-reader.js";

interface LoadingParts {
  readonly snapshotFile: ReadableFile | null;
  readonly journalFile: ReadableFile | null;
  readonly keyring: Keyring | null;
  readonly limits: MemoryLimits;
  readonly executed: Executed;
  /** Epoch milliseconds. */
  readonly now: number;
  /** The expiry of a session that does not say when it expires. */
  readonly fallbackExpiry: number;
}

export interface Loaded {
  readonly collection: Collection;
  readonly replay: Replay;
  readonly snapshot: SnapshotReading;
  readonly journal: JournalReading;
  /** Whether the files have expired sessions that the collection does not have. */
  readonly isPartial: boolean;
}

/** @throws StoreError `STORE_FULL`: even what has not expired is too much */
export async function load(parts: LoadingParts): Promise<Loaded> {
  const { journalFile, keyring, limits, now } = parts;
  const all = await attempt(parts, (change) => change, limits.maxBytes + limits.reserveBytes);
  if (typeof all !== "number") return { ...all, isPartial: false };
  const expiries = await lastExpiries(journalFile, keyring);
  const dropExpired = (change: Change): Change => {
    const id = idOf(change);
    const expiresAt = expiries.get(id) ?? expiryOf(change);
    const isStored = change.op === "store" || change.op === "insert";
    return isStored && expiresAt <= now ? { op: "delete", id, ts: now } : change;
  };
  const live = await attempt(parts, dropExpired, limits.openingBytes);
  if (typeof live !== "number") return { ...live, isPartial: true };
  throw new StoreError(
    "STORE_FULL",
    `the live sessions of the collection take about ${live} bytes of memory, and there are at most ` +
      `${limits.openingBytes}: ${RAISE_HEAP}`,
  );
}

/**
 * Reads both files.
 * @param select replaces a change by what is to be applied
 * @returns how many bytes of memory the sessions would take, about, if that is more than `maxBytes`
 */
async function attempt(
  { snapshotFile, journalFile, keyring, executed, now, fallbackExpiry }: LoadingParts,
  select: (change: Change) => Change,
  maxBytes: number,
): Promise<Omit<Loaded, "isPartial"> | number> {
  const content = new Content(maxBytes, now, fallbackExpiry);
  const onChange = (change: Change): void => {
    content.apply(select(change));
  };
  const snapshot = await readSnapshot(snapshotFile, keyring, onChange);
  if (snapshot.state === "read" && content.loaded !== null) {
    content.loaded.collection.version = snapshot.version;
  }
  const journal = await readJournal(journalFile, keyring, onChange, (marks) => {
    executed.load(marks);
  });
  const { loaded } = content;
  if (loaded === null) return content.bytes;
  return { ...loaded, snapshot, journal };
}

/** What has been read: the sessions, or, once they take too much, how much each of them takes. */
class Content {
  readonly #maxBytes: number;
  /** Null where the sessions take too much. */
  loaded: Pick<Loaded, "collection" | "replay"> | null;
  readonly #sizes = new Map<string, number>();

  constructor(maxBytes: number, now: number, fallbackExpiry: number) {
    this.#maxBytes = maxBytes;
    const collection = new Collection();
    this.loaded = { collection, replay: new Replay(collection, now, fallbackExpiry) };
  }

  /** How many bytes of memory the sessions would take, about, if that is too much. */
  get bytes(): number {
    let bytes = 0;
    for (const size of this.#sizes.values()) bytes += size;
    return bytes;
  }

  apply(change: Change): void {
    if (this.loaded === null) {
      // No deletions: where the sizes matter, what is deleted in the end has not been stored before.
      if (change.op === "store") this.#note(change.sid, change.session);
      return;
    }
    const { collection, replay } = this.loaded;
    replay.apply(change);
    if (collection.bytes <= this.#maxBytes) return;
    for (const [sid, session] of collection.sessions()) this.#note(sid, session);
    // At once: with a heap that is nearly full while the rest is read, V8 may give up.
    this.loaded = null;
  }

  #note(sid: string, session: SessionDocument): void {
    this.#sizes.set(sid, memoryOf(sid, session));
  }
}

/** When the journal leaves each session to expire; 0 for those that it leaves deleted. */
async function lastExpiries(
  file: ReadableFile | null,
  keyring: Keyring | null,
): Promise<Map<string, number>> {
  const expiries = new Map<string, number>();
  await readJournal(file, keyring, (change) => {
    expiries.set(idOf(change), expiryOf(change));
  });
  return expiries;
}

function idOf(change: Change): string {
  return change.op === "store" ? change.sid : change.id;
}

/** When the session expires after a change; never if that is not for sure. */
function expiryOf(change: Change): number {
  if (change.op === "store") return change.session.expiresAt;
  if (change.op === "delete") return 0;
  const { expiresAt, sid } = change.op === "insert" ? change.document : change.patch.set;
  return typeof expiresAt === "number" && sid === undefined ? expiresAt : Infinity;
}
