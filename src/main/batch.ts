/**
 * Calls made in the same tick, or turn of the event loop, travel together: gets in one call of the
 * engine, touches in another, writes in a third. They are kept apart because a write waits for the
 * disk, and the others must not. No call overtakes an earlier one for the same session.
 *
 * What would be a large message travels as several, in turns of their own, since reading one blocks
 * the thread. Writes are not split further: they share an fsync, and a message for each of them costs a
 * fifth of the throughput. Many gets travel in small messages at first, so that the threads, and the
 * server if there is one, need not wait for each other: with 64 in flight that makes up to half as many
 * more a second, where each has a core, and costs this thread a tenth of its time for them.
 */
import type { Engine, FoundSession, Touch, Write } from "../protocol/contract.js";
import { StoreError } from "../protocol/errors.js";
import { nextTick, setImmediate } from "../protocol/timers.js";
import { decodeError } from "../protocol/wire-error.js";

/** Approximate memory that a write takes, besides its texts, in the worker and on the way there. */
const WRITE_OVERHEAD_BYTES = 100;
/**
 * How many gets, or touches, may be without an answer. They need no disk, so they add up only while
 * the worker is away. About 100 MB.
 */
const MAX_UNANSWERED = 100_000;
/** So many gets are sent at once, before the end of the tick. */
const EAGER_GETS = 32;
/** Unless so many times as many have been sent and not answered. */
const MAX_AHEAD = 4;
/** How much travels in one message: a few milliseconds of work for each thread. */
const MESSAGE_BYTES = 2 * 1024 * 1024;

type Call = string | Touch | Write;

/** Sends the calls of a store to its engine. */
export class Batcher {
  readonly #gets: Lane<string, FoundSession | null>;
  readonly #touches: Lane<Touch, boolean>;
  readonly #writes: Lane<Write, number>;
  readonly #lanes: readonly Pick<Lane<never, unknown>, "has" | "send" | "flush" | "busy">[];
  readonly #maxPendingBytes: number;
  /** Bytes not yet acknowledged. Deletions have their own, so that load refuses no logout. */
  readonly #pendingBytes = { sessions: 0, deletions: 0 };
  #scheduled = false;

  /**
   * @param maxPendingBytes limit for the total size of the sessions not yet acknowledged, and for
   * that of the deletions
   */
  constructor(engine: Pick<Engine, "get" | "touch" | "write">, maxPendingBytes: number) {
    this.#maxPendingBytes = maxPendingBytes;
    this.#gets = new Lane((sids) => engine.get(sids), EAGER_GETS);
    this.#touches = new Lane((touches) => engine.touch(touches));
    this.#writes = new Lane(async (writes) => {
      const outcomes = await engine.write(writes);
      return outcomes.map((outcome) =>
        typeof outcome === "number" ? outcome : decodeError(outcome),
      );
    });
    this.#lanes = [this.#gets, this.#touches, this.#writes];
  }

  /** @throws StoreError `STORE_OVERLOADED` */
  get(sid: string): Promise<FoundSession | null> {
    return this.#enterUnlessFull(this.#gets, sid, sid);
  }

  /** @throws StoreError `STORE_OVERLOADED` */
  touch(touch: Touch): Promise<boolean> {
    return this.#enterUnlessFull(this.#touches, touch[0], touch);
  }

  /** @throws StoreError `STORE_OVERLOADED` */
  write(write: Write): Promise<number> {
    const [sid, json = ""] = write;
    const bytes = Buffer.byteLength(json) + Buffer.byteLength(sid) + WRITE_OVERHEAD_BYTES;
    const pending = this.#pendingBytes;
    const kind = write.length === 1 ? "deletions" : "sessions";
    // A write that is larger than the limit is accepted when no other is pending.
    if (pending[kind] > 0 && pending[kind] + bytes > this.#maxPendingBytes) {
      return Promise.reject(
        new StoreError(
          "STORE_OVERLOADED",
          `${pending[kind]} bytes of ${kind} are already waiting for the disk or the server, which is too ` +
            "slow for this load or does not respond; " +
            `the option maxPendingBytes sets the limit (${this.#maxPendingBytes})`,
        ),
      );
    }
    pending[kind] += bytes;
    const done = (): void => {
      pending[kind] -= bytes;
    };
    const written = this.#enter(this.#writes, sid, write);
    written.then(done, done);
    return written;
  }

  /** Sends all calls collected so far. Calls made after this are sent after them. */
  flush(): void {
    for (const lane of this.#lanes) lane.flush();
  }

  #enterUnlessFull<Item extends Call, Result>(
    lane: Lane<Item, Result>,
    sid: string,
    item: Item,
  ): Promise<Result> {
    if (lane.unanswered < MAX_UNANSWERED) return this.#enter(lane, sid, item);
    return Promise.reject(
      new StoreError(
        "STORE_OVERLOADED",
        `${lane.unanswered} calls of this kind are already waiting for the engine of the store, ` +
          "which is being started or does not respond",
      ),
    );
  }

  #enter<Item extends Call, Result>(
    lane: Lane<Item, Result>,
    sid: string,
    item: Item,
  ): Promise<Result> {
    for (const other of this.#lanes) if (other !== lane && other.has(sid)) other.flush();
    if (!this.#scheduled) {
      this.#scheduled = true;
      // If no call is in flight, right after this tick. Otherwise after the sockets of this turn of
      // the event loop have been read, so that requests share a message.
      if (this.#lanes.every(({ busy }) => !busy)) nextTick(this.#sendScheduled);
      else setImmediate(this.#sendScheduled);
    }
    return lane.add(sid, item);
  }

  readonly #sendScheduled = (): void => {
    const unsent = this.#lanes.filter((lane) => lane.send());
    this.#scheduled = unsent.length > 0;
    if (this.#scheduled) setImmediate(this.#sendScheduled);
  };
}

interface Waiting<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** The calls of one kind that are collected to be sent together. */
class Lane<Item extends Call, Result> {
  readonly #send: (items: Item[]) => Promise<(Result | Error)[]>;
  readonly #eager: number;
  /** The ids in the items; if some have been sent, of those too. */
  readonly #sids = new Set<string>();
  readonly #items: Item[] = [];
  readonly #waiting: Waiting<Result>[] = [];
  /** Calls that have been sent and not answered. */
  #inFlight = 0;

  /**
   * @param send resolves to a result for each item or, as a value, an error
   * @param eager how many are sent as soon as they have been collected
   */
  constructor(send: (items: Item[]) => Promise<(Result | Error)[]>, eager = Infinity) {
    this.#send = send;
    this.#eager = eager;
  }

  /** Whether calls have been sent whose outcome is not yet known. */
  get busy(): boolean {
    return this.#inFlight > 0;
  }

  /** How many calls have no answer yet, sent or not. */
  get unanswered(): number {
    return this.#items.length + this.#inFlight;
  }

  has(sid: string): boolean {
    return this.#sids.has(sid);
  }

  add(sid: string, item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#items.push(item);
      this.#waiting.push({ resolve, reject });
      this.#sids.add(sid);
      if (this.#items.length !== this.#eager) return;
      if (this.#inFlight < MAX_AHEAD * this.#eager) this.send();
    });
  }

  /** Sends all that is collected. */
  flush(): void {
    while (this.send());
  }

  /** Sends what fits into one message. @returns whether there is more */
  send(): boolean {
    if (this.#items.length === 0) return false;
    const items = this.#items.splice(0, messageLength(this.#items));
    const waiting = this.#waiting.splice(0, items.length);
    if (this.#items.length === 0) this.#sids.clear();
    this.#inFlight += items.length;
    this.#send(items).then(
      (results) => {
        this.#inFlight -= items.length;
        for (const [index, { resolve, reject }] of waiting.entries()) {
          const result = results[index] as Result | Error;
          if (result instanceof Error) reject(result);
          else resolve(result);
        }
      },
      (error: unknown) => {
        this.#inFlight -= items.length;
        for (const { reject } of waiting) reject(error);
      },
    );
    return this.#items.length > 0;
  }
}

/** How many of the items fit into a message; at least one does. */
function messageLength(items: readonly Call[]): number {
  let bytes = 0;
  const end = items.findIndex((item) => {
    const texts = typeof item === "string" ? item.length : item[0].length + (item[1]?.length ?? 0);
    bytes += texts + WRITE_OVERHEAD_BYTES;
    return bytes > MESSAGE_BYTES;
  });
  return end === -1 ? items.length : Math.max(1, end);
}
