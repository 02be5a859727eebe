/** The deletion of all sessions, in parts, so that calls are served in between. */
import type { Collection } from "./documents/collection.js";
import type { PendingWrite } from "./pending-write.js";

/** Sessions that are deleted in one commit, encoded while calls wait. */
const CLEAR_WRITES = 512;

/** What is to be committed, part by part; the last one may be empty. */
export function* deletionsOf(collection: Collection): Generator<PendingWrite[]> {
  let writes: PendingWrite[] = [];
  for (const [sid] of collection.sessions()) {
    writes.push({ sid, session: null });
    if (writes.length < CLEAR_WRITES) continue;
    yield writes;
    writes = [];
  }
  yield writes;
}
