/**
 * What calls for one session come to while it may be in two places: each is asked of the new place, and
 * the session is moved there before. What is destroyed is destroyed in the old place first, and marked
 * in the new one, so that nobody stores it who has read it before.
 */
import type { FoundSession, Touch, Write } from "../../protocol/contract.js";
import { writeOne } from "../../protocol/dispatch.js";
import { StoreError } from "../../protocol/errors.js";
import { monotonic } from "../../protocol/timers.js";
import type { RedisEngine } from "../redis/engine.js";
import type { Source } from "./places.js";

type OldPlace = Pick<Source, "read" | "remove" | "idsOf">;
type NewPlace = Pick<RedisEngine, "get" | "touch" | "write" | "adopt">;

export class Sessions {
  readonly #source: OldPlace;
  readonly #destination: NewPlace;
  readonly #patienceMs: number;
  /** How many were moved. */
  moved = 0;
  /** Whether the old place is done with. */
  isOver = false;

  /** @param patienceMs after which nothing is stored that was read before: it may have changed since */
  constructor(source: OldPlace, destination: NewPlace, patienceMs: number) {
    this.#source = source;
    this.#destination = destination;
    this.#patienceMs = patienceMs;
  }

  /**
   * Moves a session. Cut off anywhere, and made again by whomever, it comes to the same.
   * @returns whether there was one in the old place
   */
  async move(sid: string): Promise<boolean> {
    if (this.isOver) return false;
    const deadline = monotonic() + this.#patienceMs;
    const session = await this.#source.read(sid);
    if (session === null) return false;
    await this.#destination.adopt(sid, session, deadline);
    await this.#source.remove(sid);
    this.moved++;
    return true;
  }

  /** Moves the sessions that are known to be a user's. */
  async moveThoseOf(user: string): Promise<void> {
    if (this.isOver) return;
    const sids = await this.#source.idsOf(user);
    await Promise.all(sids.map((sid) => this.move(sid)));
  }

  async get(sid: string): Promise<FoundSession | null> {
    const [found = null] = await this.#destination.get([sid]);
    if (found !== null || this.isOver) return found;
    await this.move(sid);
    // Another process may have moved it meanwhile, too.
    const [moved = null] = await this.#destination.get([sid]);
    return moved;
  }

  /** @returns whether there is a live session */
  async touch(touch: Touch): Promise<boolean> {
    await this.move(touch[0]);
    const [live = false] = await this.#destination.touch([touch]);
    return live;
  }

  /** @returns how many live sessions were replaced or deleted */
  async write(write: Write): Promise<number> {
    const [sid, , , mode = "put"] = write;
    if (write.length === 1) return this.destroy(sid);
    if (mode === "update") await this.move(sid);
    const live = await writeOne(this.#destination, write);
    if (mode === "update" || this.isOver) return live;
    // One that is left there would come back when this one has expired.
    return Math.max(live, await halfDone(this.#source.remove(sid)));
  }

  async destroy(sid: string): Promise<number> {
    if (this.isOver) return writeOne(this.#destination, [sid]);
    const live = await halfDone(this.#source.remove(sid));
    return Math.max(live, await halfDone(writeOne(this.#destination, [sid])));
  }
}

/** The error of what is done in one place, and in the other one perhaps not. */
async function halfDone<T>(done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== "STORE_UNREACHABLE") throw cause;
    throw new StoreError(
      "STORE_UNCERTAIN",
      `one of the two places that sessions move between cannot be reached: ${cause.message}`,
      { cause },
    );
  }
}
