/**
 * Calls made in the same tick travel together: the gets as one call of the engine, the touches as
 * one, the writes as one. They are kept apart because a write waits for the disk, and the others
 * must not. No call overtakes an earlier one for the same session.
 */
import type { Engine, FoundSession, Touch, Write } from "../protocol/contract.js";
import { StoreError } from "../protocol/errors.js";
import { decodeError } from "../protocol/wire-error.js";

/** What a write takes besides its texts, about, in the worker and on the way there. */
const WRITE_OVERHEAD_BYTES = 100;

/** Carries the calls of a store to its engine. */
export class Batcher {
  readonly #gets: Lane<string, FoundSession | null>;
  readonly #touches: Lane<Touch, boolean>;
  readonly #writes: Lane<Write, number>;
  readonly #lanes: readonly Pick<Lane<unknown, unknown>, "has" | "flush" | "busy">[];
  readonly #maxPendingBytes: number;
  #pendingBytes = 0;
  #scheduled = false;

  /** @param maxPendingBytes how much the writes that are not acknowledged may come to */
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
    // One that is larger than all that may wait passes when nothing waits.
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > this.#maxPendingBytes) {
      return Promise.reject(
        new StoreError(
          "STORE_OVERLOADED",
          `${this.#pendingBytes} bytes of writes wait for the disk already: it is too slow for this load, ` +
            `or stands still. The option maxPendingBytes sets the limit (${this.#maxPendingBytes})`,
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

  /** Sends what waits for the end of the tick. Calls made after this come after it. */
  flush(): void {
    for (const lane of this.#lanes) lane.flush();
  }

  #enter<Item, Result>(lane: Lane<Item, Result>, sid: string, item: Item): Promise<Result> {
    for (const other of this.#lanes) if (other !== lane && other.has(sid)) other.flush();
    if (!this.#scheduled) {
      this.#scheduled = true;
      // With nothing under way, at once. Otherwise after the sockets of this turn have been read,
      // so that requests share a message.
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

/** Calls of one kind that wait for the end of the tick. */
class Lane<Item, Result> {
  readonly #send: (items: Item[]) => Promise<(Result | Error)[]>;
  readonly #sids = new Set<string>();
  #items: Item[] = [];
  #waiting: Waiting<Result>[] = [];
  #underWay = 0;

  /** @param send answers each item with its result or, as a value, its error */
  constructor(send: (items: Item[]) => Promise<(Result | Error)[]>) {
    this.#send = send;
  }

  /** Whether calls have been sent that are not settled. */
  get busy(): boolean {
    return this.#underWay > 0;
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
    this.#underWay++;
    this.#send(items).then(
      (results) => {
        this.#underWay--;
        for (const [index, { resolve, reject }] of waiting.entries()) {
          const result = results[index] as Result | Error;
          if (result instanceof Error) reject(result);
          else resolve(result);
        }
      },
      (error: unknown) => {
        this.#underWay--;
        for (const { reject } of waiting) reject(error);
      },
    );
  }
}
