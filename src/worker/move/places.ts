/** What moving asks of the place that sessions leave. They come to Redis: see `RedisEngine`. */
import type { StoredSession } from "../../protocol/contract.js";

/** The place that they leave. Nobody stores sessions there any more. */
export interface Source {
  /** A live session; null if there is none. */
  read(sid: string): Promise<StoredSession | null>;
  /** Deletes a session. @returns how many live ones there were, 0 or 1 */
  remove(sid: string): Promise<number>;
  /** The ids of the sessions that are known to be a user's. */
  idsOf(user: string): Promise<string[]>;
  /** Calls `page` with the ids of all sessions. One may come twice. */
  pages(page: (sids: string[]) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}
