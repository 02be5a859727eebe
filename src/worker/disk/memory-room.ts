/**
 * Keeps the sessions within their share of the memory. Where it is used up, those that were stored
 * once and never used again make room, the oldest first: a flood of bots pushes out bots, while
 * whoever comes back stays. Only where none of these are left does a write fail.
 */
import { type Report, StoreError } from "../../protocol/errors.js";
import { heapBytes } from "../ports/heap.js";
import type { Collection } from "./documents/collection.js";
import { memoryOf, type SessionDocument } from "./documents/document.js";
import type { PendingWrites } from "./pending-writes.js";

/**
 * Shares of the heap: of the sessions; of these and what is on its way to the disk; of these when a
 * collection is opened. The rest is for what writes need besides their texts, and for garbage. With
 * more, floods at full speed ran out of heaps of 64 and 128 MB.
 */
const SESSIONS_SHARE = 0.5;
const TOTAL_SHARE = 0.65;
const OPENING_SHARE = 0.75;
/** How much of the limit is kept for sessions that grow: updates, and cookies of touches. */
const RESERVE = 1 / 8;
/** Where the limit has been lowered, how much each write deletes beyond what it needs. */
const CATCH_UP_BYTES = 4096;
/** Reported when so much of the limit is used, once until less than the other is. */
const WARN_SHARE = 7 / 8;
const CALM_SHARE = 3 / 4;

/** How much memory sessions may take, in bytes. */
export interface MemoryLimits {
  /** All of them. */
  readonly maxBytes: number;
  /** How much more, where sessions grow that were there before. */
  readonly reserveBytes: number;
  /** All of them and what is being written. */
  readonly totalBytes: number;
  /** All live ones, when a collection is opened. */
  readonly openingBytes: number;
  /** How to raise the first two, for messages. */
  readonly remedy: string;
}

export const RAISE_HEAP =
  'give the worker a larger heap with the option "resourceLimits", or the process with ' +
  "--max-old-space-size";

/** @param maxBytes the limit that the application sets, or undefined */
export function memoryLimits(maxBytes = Infinity): MemoryLimits {
  const heap = heapBytes();
  const share = Math.floor(heap * SESSIONS_SHARE);
  const limit = Math.min(maxBytes, share);
  return {
    maxBytes: limit,
    reserveBytes: limit * RESERVE,
    totalBytes: heap * TOTAL_SHARE,
    openingBytes: Math.floor(heap * OPENING_SHARE),
    remedy: maxBytes < share ? 'raise the option "maxBytes"' : RAISE_HEAP,
  };
}

interface RoomParts {
  readonly collection: Collection;
  readonly pending: PendingWrites;
  readonly limits: MemoryLimits;
  /** Called when a write fails for want of room: perhaps something has expired. */
  readonly onFull: () => void;
  readonly report: Report;
}

/** Room for the writes of one call, until they are committed. */
export interface Reservation {
  /** How much memory the sessions take that are on their way. */
  incoming: number;
  /** By how much all sessions grow when they are committed. */
  growth: number;
  /** The ids of those that are deleted to make room. */
  readonly evicted: string[];
}

export class MemoryRoom {
  readonly #parts: RoomParts;
  /** The sum of all reservations. */
  #incoming = 0;
  #growth = 0;
  #evicted = 0;
  #isNearlyFull = false;

  constructor(parts: RoomParts) {
    this.#parts = parts;
  }

  stats(): { bytes: number; maxBytes: number; evicted: number } {
    const { collection, limits } = this.#parts;
    return { bytes: collection.bytes, maxBytes: limits.maxBytes, evicted: this.#evicted };
  }

  /**
   * Makes room for a session, and adds it to a reservation.
   * @param before what it replaces
   * @param evict called with each session that is to be deleted for it, in the same commit
   * @returns why there is no room, or null
   */
  admit(
    reservation: Reservation,
    sid: string,
    session: SessionDocument,
    before: SessionDocument | null,
    evict: (sid: string) => void,
  ): StoreError | null {
    const { collection, limits, onFull } = this.#parts;
    const incoming = memoryOf(sid, session);
    const growth = incoming - (before === null ? 0 : memoryOf(sid, before));
    if (this.#incoming > 0 && collection.bytes + this.#incoming + incoming > limits.totalBytes) {
      return overloaded(this.#incoming);
    }
    const excess = this.#visibleBytes() + growth - limits.maxBytes;
    if (growth > 0 && excess > 0) {
      const toFree = Math.min(excess, growth + CATCH_UP_BYTES);
      const freed = this.#free(toFree, reservation, evict);
      const allowed = before === null ? 0 : limits.reserveBytes;
      if (freed < toFree && excess - freed > allowed) {
        onFull();
        return full(limits);
      }
    }
    this.#expect(reservation, incoming, growth);
    this.#watch();
    return null;
  }

  /** Counts on the room that a session leaves when it is deleted. */
  discharge(reservation: Reservation, sid: string, session: SessionDocument): void {
    this.#expect(reservation, 0, -memoryOf(sid, session));
  }

  /** Room for the writes of a call: none yet. */
  reserve(): Reservation {
    return { incoming: 0, growth: 0, evicted: [] };
  }

  /** Gives the room back when the writes have been committed or have failed. */
  async releaseAfter(reservation: Reservation, committed: Promise<void>): Promise<void> {
    const { incoming, growth, evicted } = reservation;
    try {
      await committed;
      this.#evicted += evicted.length;
    } catch (error) {
      for (const sid of evicted) this.#parts.collection.restoreUnused(sid);
      throw error;
    } finally {
      this.#incoming -= incoming;
      this.#growth -= growth;
    }
  }

  /** Evicts unused sessions. @returns how many bytes that frees */
  #free(bytes: number, reservation: Reservation, evict: (sid: string) => void): number {
    const { collection, pending } = this.#parts;
    let freed = 0;
    while (freed < bytes) {
      const sid = collection.takeUnused();
      if (sid === undefined) break;
      const session = pending.visible(sid);
      // A call is deleting it.
      if (session === undefined || session !== collection.get(sid)) continue;
      freed += memoryOf(sid, session);
      this.discharge(reservation, sid, session);
      reservation.evicted.push(sid);
      evict(sid);
    }
    return freed;
  }

  #expect(reservation: Reservation, incoming: number, growth: number): void {
    reservation.incoming += incoming;
    reservation.growth += growth;
    this.#incoming += incoming;
    this.#growth += growth;
  }

  /** How much memory the sessions take as calls see them. */
  #visibleBytes(): number {
    const { collection, pending } = this.#parts;
    return (pending.isClearing ? 0 : collection.bytes) + this.#growth;
  }

  #watch(): void {
    const { limits, report } = this.#parts;
    const bytes = this.#visibleBytes();
    if (bytes < limits.maxBytes * CALM_SHARE) this.#isNearlyFull = false;
    if (this.#isNearlyFull || bytes < limits.maxBytes * WARN_SHARE) return;
    this.#isNearlyFull = true;
    report(
      new StoreError(
        "STORE_FULL",
        `the sessions take ${bytes} bytes of memory, of at most ${limits.maxBytes}. Beyond that, ` +
          "those that were stored once and never used again are deleted, the oldest first; when " +
          `none of these are left, sessions cannot be stored: ${limits.remedy}`,
      ),
    );
  }
}

function overloaded(incoming: number): StoreError {
  return new StoreError(
    "STORE_OVERLOADED",
    `${incoming} bytes of sessions are already waiting for the disk, and there is no memory for ` +
      `more: lower the option "maxPendingBytes", or ${RAISE_HEAP}`,
  );
}

function full({ maxBytes, remedy }: MemoryLimits): StoreError {
  return new StoreError(
    "STORE_FULL",
    `the sessions take up the ${maxBytes} bytes of memory that they may have, and all of them have ` +
      `been used: ${remedy}`,
  );
}
