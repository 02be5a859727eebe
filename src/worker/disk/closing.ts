/** How a collection is closed: what is in memory only goes to the disk, and all is let go of. */
import { StoreError } from "../../protocol/errors.js";
import { ioError } from "../ports/failure.js";
import type { Committer } from "./committer.js";
import type { Compactor } from "./compactor.js";
import type { Journal } from "./journal/journal.js";
import type { Lock } from "./lock/lock.js";
import type { Sweeper } from "./sweeper.js";

export interface ClosingParts {
  readonly durable: boolean;
  readonly journal: Journal;
  readonly committer: Committer;
  readonly compactor: Compactor;
  readonly sweeper: Sweeper;
  readonly lock: Lock;
}

/**
 * Closes a collection. Everything is let go of, whatever fails.
 * @throws StoreError `STORE_IO`: what was in memory only could not be written
 */
export async function closeCollection(parts: ClosingParts): Promise<void> {
  try {
    await close(parts);
  } catch (cause) {
    throw ioError("cannot close the collection", cause);
  }
}

async function close(parts: ClosingParts): Promise<void> {
  try {
    await parts.sweeper.stop();
    await parts.compactor.stop();
    await writeRest(parts);
  } finally {
    parts.committer.stop();
    try {
      await parts.journal.close();
    } finally {
      await parts.lock.release();
    }
  }
}

async function writeRest({ durable, journal, committer, compactor }: ClosingParts): Promise<void> {
  let failure: unknown = null;
  const note = (error: unknown): void => void (failure = error);
  await flush(committer, journal).catch(note);
  if (!journal.trusted && committer.disowned === null) {
    // What was written without fsync, and the touches, have no other way to the disk.
    failure = null;
    await compactor.run().catch(note);
    await flush(committer, journal);
  }
  if (committer.hasTouches || (failure !== null && !durable)) {
    const cause = failure ?? committer.refusal;
    throw new StoreError("STORE_IO", "what was in memory only could not be written", { cause });
  }
}

function flush(committer: Committer, journal: Journal): Promise<void> {
  return committer.exclusively(async () => {
    if (!journal.trusted) return;
    await journal.sync(); // guard: closing, fsync
  });
}
