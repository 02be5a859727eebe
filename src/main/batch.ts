/**
 * Calls made in the same tick, or turn of the event loop, travel together: the gets as one call
 * of the engine, the touches as one, the writes as one. They are kept apart because a write waits for the disk, and the others
 * must not. No call overtakes an earlier one for the same session.
 */
import type { Engine, FoundSession, Touch, Write } from "../protocol/contract.js";
import { StoreError } from "../protocol/errors.js";
import { decodeError } from "../protocol/wire-error.js";

/** Approximate memory that a write takes, besides its texts, in the worker and on the way there. */
const WRITE_OVERHEAD_BYTES = 100;

/** Sends the calls of a store to its engine. */
export class Batcher {
  readonly #gets: Lane<string, FoundSession | null>;
  readonly #touches: Lane<Touch, boolean>;
  readonly #writes: Lane<Write, number>;
  readonly #lanes: readonly Pick<Lane<unknown, unknown>, "has" | "flush" | "busy">[];
  readonly #maxPendingBytes: number;
  #pendingBytes = 0;
  #scheduled = false;

  /** @param maxPendingBytes limit for the total size of the writes not yet acknowledged */
  constructor(engine: Pick<Engine, "get" | "touch" | "write">, maxPendingBytes: number) {
    this.#maxPendingBytes = maxPendingBytes;
    this.#gets = new Lane((sids) => engine.get(sids));
    this.#touches = new Lane((touches) => engine.touch(touches));
    this.#writes = new Lane(async (writes) => {
      const outcomes = await engine.write(writes);
      return outcomes.map((outcome) =>
        typeof outcome === "number" ? outcome : decodeError(outcome),
      );
    });
    this.#lanes = [this.#gets, this.#touches, this.#writes];
  }

  get(sid: string): Promise<FoundSession | null> {
    return this.#enter(this.#gets, sid, sid);
  }

  touch(touch: Touch): Promise<boolean> {
    return this.#enter(this.#touches, touch[0], touch);
  }

  /** @throws StoreError `STORE_OVERLOADED` */
  write(write: Write): Promise<number> {
    const [sid, json = ""] = write;
    const bytes = Buffer.byteLength(json) + Buffer.byteLength(sid) + WRITE_OVERHEAD_BYTES;
    // A write that is larger than the limit is accepted when no other is pending.
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > this.#maxPendingBytes) {
      return Promise.reject(
        new StoreError(
          "STORE_OVERLOADED",
          `${this.#pendingBytes} bytes of writes are already waiting for the disk, which is too slow ` +
            "for this load or does not respond; " +
            `the option maxPendingBytes sets the limit (${this.#maxPendingBytes})`,
        ),
      );
    }
    this.#pendingBytes += bytes;
    const done = (): void => {
      this.#pendingBytes -= bytes;
    };
    const written = this.#enter(this.#writes, sid, write);
    written.then(done, done);
    return written;
  }

  /** Sends the calls collected so far. Calls made after this are sent after them. */
  flush(): void {
    for (const lane of this.#lanes) lane.flush();
  }

  #enter<Item, Result>(lane: Lane<Item, Result>, sid: string, item: Item): Promise<Result> {
    for (const other of this.#lanes) if (other !== lane && other.has(sid)) other.flush();
    if (!this.#scheduled) {
      this.#scheduled = true;
      // If no call is in flight, right after this tick. Otherwise after the sockets of this turn of
      // the event loop have been read, so that requests share a message.
      if (this.#lanes.every(({ busy }) => !busy)) process.nextTick(this.#flushScheduled);
      else setImmediate(this.#flushScheduled);
    }
    return lane.add(sid, item);
  }

  readonly #flushScheduled = (): void => {
    this.#scheduled = false;
    this.flush();
  };
}

interface Waiting<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** The calls of one kind that are collected to be sent together. */
class Lane<Item, Result> {
  readonly #send: (items: Item[]) => Promise<(Result | Error)[]>;
  readonly #sids = new Set<string>();
  #items: Item[] = [];
  #waiting: Waiting<Result>[] = [];
  #inFlight = 0;

  /** @param send resolves to a result for each item or, as a value, an error */
  constructor(send: (items: Item[]) => Promise<(Result | Error)[]>) {
    this.#send = send;
  }

  /** Whether calls have been sent whose outcome is not yet known. */
  get busy(): boolean {
    return this.#inFlight > 0;
  }

  has(sid: string): boolean {
    return this.#sids.has(sid);
  }

  add(sid: string, item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#items.push(item);
      this.#waiting.push({ resolve, reject });
      this.#sids.add(sid);
    });
  }

  flush(): void {
    if (this.#items.length === 0) return;
    const items = this.#items;
    const waiting = this.#waiting;
    this.#items = [];
    this.#waiting = [];
    this.#sids.clear();
    this.#inFlight++;
    this.#send(items).then(
      (results) => {
        this.#inFlight--;
        for (const [index, { resolve, reject }] of waiting.entries()) {
          const result = results[index] as Result | Error;
          if (result instanceof Error) reject(result);
          else resolve(result);
        }
      },
      (error: unknown) => {
        this.#inFlight--;
        for (const { reject } of waiting) reject(error);
      },
    );
  }
}
