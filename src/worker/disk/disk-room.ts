/**
 * The room on the disk: a compaction writes its new files beside the old ones, so it has to come
 * while they still fit.
 */
import { StoreError } from "../../protocol/errors.js";
import { nextTurn } from "../../protocol/timers.js";
import type { Clock } from "../ports/clock.js";
import type { Files } from "../ports/files.js";
import type { Collection } from "./documents/collection.js";
import type { Journal } from "./journal/journal.js";
import type { Keyring } from "./keys/keyring.js";
import type { CollectionPaths } from "./paths.js";

/** What the new files of a compaction are made of, and where. */
export interface RoomParts {
  readonly files: Files;
  readonly paths: CollectionPaths;
  readonly collection: Collection;
  /** Documents of other applications, as JSON text. */
  readonly kept: readonly (readonly [id: string, json: string])[];
  readonly journal: Journal;
  readonly keyring: Keyring | null;
  readonly clock: Clock;
}

const MEBIBYTE = 1024 * 1024;

/** All in bytes. */
export interface Room {
  /** What may still be stored; infinite if that cannot be known. */
  readonly free: number;
  /** About how long a new snapshot would be, and seldom less. */
  readonly snapshot: number;
  /** With so much, a compaction can be made later just as well. */
  readonly ample: number;
}

/** @param snapshotBytes the length of the current snapshot */
export async function lookForRoom(parts: RoomParts, snapshotBytes: number): Promise<Room> {
  const { files, paths, journal } = parts;
  const free = (await files.freeSpace(paths.directory).catch(() => null)) ?? Infinity;
  // Usually there is far more than enough, even for all that the files hold now.
  const most = roomFor(free, snapshotBytes + journal.length);
  return free >= most.ample ? most : roomFor(free, await expectedBytes(parts));
}

function roomFor(free: number, snapshot: number): Room {
  return { free, snapshot, ample: snapshot * (3 / 2) + MEBIBYTE };
}

/** @throws StoreError `STORE_IO` if the new files of a compaction would not fit */
export function assertRoom({ free, snapshot }: Room, directory: string): void {
  // Should more be written meanwhile than fits, the compaction is given up.
  if (free >= snapshot) return;
  const [has, needs] = [free, snapshot].map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`);
  throw new StoreError(
    "STORE_IO",
    `no room to compact the collection in ${directory}: its new files need about ${needs}, and ` +
      `${has} are free. The journal grows until there is room: free some, or give the collection ` +
      "a larger disk",
    { cause: noSpace() },
  );
}

/** The error of a call for which there is no room. */
export function noSpace(): Error {
  return Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
}

/** Around the id and the text of a session: field names, expiry and seal. */
const ELEMENT_BYTES = 96;
/** Sessions whose lengths are added up before calls get a turn. */
const SLICE = 1024;

/** About the length of a snapshot of the sessions that have not expired. */
async function expectedBytes({ collection, kept, keyring, clock }: RoomParts): Promise<number> {
  const now = clock.now();
  let bytes = 0;
  const add = (id: string, text: string): void => {
    bytes += ELEMENT_BYTES + 2 * Buffer.byteLength(id) + Buffer.byteLength(text);
  };
  for (const [id, json] of kept) add(id, json);
  let count = 0;
  for (const [sid, { json, cookie, expiresAt }] of collection.walk()) {
    if (expiresAt > now) add(sid, json + (cookie ?? ""));
    if (++count % SLICE === 0) await nextTurn();
  }
  return keyring === null ? bytes : Math.ceil((bytes * 4) / 3);
}
