/** Closes a collection: writes changes that are only in memory, then releases all resources. */
import { StoreError } from "../../protocol/errors.js";
import { ioError } from "../ports/failure.js";
import type { Journal } from "./journal/journal.js";
import type { Lock } from "./lock/lock.js";
import type { Parts } from "./parts.js";

interface ClosingParts extends Parts {
  readonly durable: boolean;
  readonly journal: Journal;
  readonly lock: Lock;
}

/**
 * Closes a collection. Releases all resources, whatever fails.
 * @throws StoreError `STORE_IO`: changes that were only in memory are lost
 */
export async function closeCollection(parts: ClosingParts): Promise<void> {
  try {
    await close(parts);
  } catch (cause) {
    throw ioError("cannot close the collection", cause);
  }
}

async function close(parts: ClosingParts): Promise<void> {
  parts.presence.stop();
  parts.userSessions.stop();
  try {
    await parts.sweeper.stop();
    await parts.compactor.stop();
    await saveAll(parts);
  } finally {
    parts.committer.stop();
    try {
      await parts.journal.close();
    } finally {
      await parts.lock.release();
    }
  }
}

async function saveAll(parts: ClosingParts): Promise<void> {
  const { durable, journal, committer, compactor, presence } = parts;
  let failure: unknown = null;
  const note = (error: unknown): void => void (failure = error);
  await flush(parts).catch(note);
  if (!journal.trusted && committer.disowned === null) {
    // A compaction writes everything anew: touches, and writes that were not fsynced.
    failure = null;
    await compactor.run().catch(note);
    await flush(parts);
  }
  // What another process has taken over is no longer this one's to write.
  if (committer.disowned !== null) return;
  if (committer.hasTouches || presence.isAbsent || (failure !== null && !durable)) {
    const cause = failure ?? committer.refusal;
    const message = `not all that is in memory could be written to ${journal.path}`;
    throw new StoreError("STORE_IO", message, { cause });
  }
}

function flush({ committer, journal, presence }: ClosingParts): Promise<void> {
  committer.flushTouches();
  return committer.exclusively(async () => {
    if (!journal.trusted) return;
    await journal.sync(); // guard: closing, fsync
    await presence.assert();
  });
}
