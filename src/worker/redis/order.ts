/**
 * The order of calls: what changes a session waits for the change of it before, since one that is
 * sent again would come after the next. What changes all, or all of a user, waits for all changes
 * before it, and holds up what is called after it.
 */
import type { Touch, Write, WriteOutcome } from "../../protocol/contract.js";
import { monotonic } from "../../protocol/timers.js";
import { encodeError } from "../../protocol/wire-error.js";
import type { Listing } from "./listing.js";

/** @param since when it was called, by `monotonic()`: what it waits for here is a part of its time */
type Work<T> = (since: number) => Promise<T>;

export class Order {
  /** The last change of each session that is not over. */
  readonly #last = new Map<string, Promise<unknown>>();
  /** Listings under way. */
  readonly #listings = new Set<Listing>();
  /** What reads many sessions and is not over. */
  readonly #readings = new Set<Promise<unknown>>();
  /** What waits for something exclusive; null if there is none. */
  #held: (() => void)[] | null = null;

  /** @param change answers how many live sessions there were, 0 or 1 */
  change(sid: string, change: Work<number>): Promise<number> {
    if (this.#held !== null) return this.#hold(() => this.change(sid, change));
    const listings = this.#listings.size === 0 ? null : [...this.#listings];
    const done = this.#chain(sid, change);
    if (listings !== null) {
      done.then(
        (live) => {
          for (const listing of listings) listing.changed(sid, live === 1);
        },
        () => undefined,
      );
    }
    return done;
  }

  /** @param touch answers whether there is a live session */
  async touch(
    touches: readonly Touch[],
    touch: (touch: Touch, since: number) => Promise<boolean>,
  ): Promise<boolean[]> {
    const lives = touches.map((each) =>
      this.change(each[0], async (since) => Number(await touch(each, since))),
    );
    return (await Promise.all(lives)).map((live) => live === 1);
  }

  /** @param write answers how many live sessions were replaced or deleted */
  write(
    writes: readonly Write[],
    write: (write: Write, since: number) => Promise<number>,
  ): Promise<WriteOutcome[]> {
    return Promise.all(
      writes.map((each) => this.change(each[0], (since) => write(each, since)).catch(encodeError)),
    );
  }

  /** Something between the changes of a session before and after it that is none to who lists them. */
  between<T>(sid: string, work: Work<T>): Promise<T> {
    if (this.#held !== null) return this.#hold(() => this.between(sid, work));
    return this.#chain(sid, work);
  }

  /** Reads a session after the changes of it that were called before. */
  read<T>(sid: string, read: Work<T>): Promise<T> {
    if (this.#held !== null) return this.#hold(() => this.read(sid, read));
    return this.#after(this.#last.get(sid), read);
  }

  /** Reads after all changes that were called before. */
  async readAll<T>(read: Work<T>): Promise<T> {
    if (this.#held !== null) return this.#hold(() => this.readAll(read));
    return this.#reading(this.#after(this.#settled(), read));
  }

  /** Lists the sessions as they are after the changes before, and before those after it. */
  async list<T>(listing: Listing, list: Work<T>): Promise<T> {
    if (this.#held !== null) return this.#hold(() => this.list(listing, list));
    this.#listings.add(listing);
    try {
      const listed = await this.#reading(this.#after(this.#settled(), list));
      // What was changed meanwhile may be known to the list before it is known here.
      await this.#settled();
      return listed;
    } finally {
      this.#listings.delete(listing);
    }
  }

  /** After all that was called before it, and before everything that is called after it. */
  async exclusively<T>(work: Work<T>): Promise<T> {
    if (this.#held !== null) return this.#hold(() => this.exclusively(work));
    const held: (() => void)[] = [];
    this.#held = held;
    try {
      // A walk takes as long as there are sessions: the time of this begins when it is over.
      await Promise.allSettled(this.#readings);
      return await this.#after(this.#settled(), work);
    } finally {
      this.#held = null;
      for (const call of held) call();
    }
  }

  #chain<T>(sid: string, work: Work<T>): Promise<T> {
    const done = this.#after(this.#last.get(sid), work);
    this.#last.set(sid, done);
    const over = (): void => {
      if (this.#last.get(sid) === done) this.#last.delete(sid);
    };
    done.then(over, over);
    return done;
  }

  #after<T>(previous: Promise<unknown> | undefined, work: Work<T>): Promise<T> {
    const since = monotonic();
    if (previous === undefined) return work(since);
    const start = (): Promise<T> => work(since);
    return previous.then(start, start);
  }

  /** Resolves when all changes that were called so far are over. */
  async #settled(): Promise<void> {
    await Promise.allSettled(this.#last.values());
  }

  async #reading<T>(reading: Promise<T>): Promise<T> {
    this.#readings.add(reading);
    try {
      return await reading;
    } finally {
      this.#readings.delete(reading);
    }
  }

  /** The time of a call that is held up begins when it is let go. */
  #hold<T>(call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#held?.push(() => {
        call().then(resolve, reject);
      });
    });
  }
}
