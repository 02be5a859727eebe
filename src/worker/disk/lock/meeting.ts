/** How a store that wants the lock meets the one that holds it, where several share a collection. */
import type { LockRecord } from "./lock-record.js";

/** Where the owner can be reached, as its lock file says. */
export interface Address {
  /** The name of its socket. */
  readonly socket: string;
  /** Hex digits that prove that who comes has read the lock file. */
  readonly secret: string;
}

/**
 * What came of an attempt to join an owner.
 *
 * - `joined`: this store is its guest now.
 * - `alive`: it answers, and does not want this store.
 * - `silent`: its socket is there, and nobody answers in time.
 * - `gone`: nobody has its socket open, as the kernel says.
 * - `absent`: its socket cannot be found.
 */
export type Reached = "joined" | "alive" | "silent" | "gone" | "absent";

export interface Meeting {
  /** Where this store can be reached from now on, should it get the lock; null if it cannot be. */
  address(): Promise<Address | null>;
  /** For when it has not got the lock: nobody is to take it for one that has had it. */
  leave(): void;
  /** For when this store has got the lock. @param lock which file it is */
  identify(lock: string): void;
  /**
   * Tries to join the owner of a lock.
   * @param lock which file the lock is
   * @throws StoreError `STORE_KEY_MISMATCH`
   */
  reach(record: LockRecord & Address, lock: string): Promise<Reached>;
  /** Whether an owner still listens, although there is no lock: it may not know that yet. */
  hasLeftover(): Promise<boolean>;
  /** Whether this owner has not answered for so long that only its heartbeat can save it. */
  isSilent(socket: string): boolean;
}
