/**
 * The calls that the last worker of an owner died of. Its main thread makes them again, though they may
 * have been made: so no guest may see what they did, or change it, in between. Guests wait for them, but
 * not for a main thread that is blocked.
 */
import type { Engine } from "../../protocol/contract.js";
import { workerDied } from "../../protocol/errors.js";
import type { Clock, Timer } from "../ports/clock.js";
import { UNREPEATABLE } from "./calls.js";

/** For how long guests wait. */
const WAIT_MS = 1000;

type Make = (args: readonly unknown[], isRepeat: boolean) => Promise<unknown>;

export class Repeats {
  readonly #clock: Clock;
  /** How many of the next calls are such. */
  #left: number;
  /** Whether no other store can have changed anything since they were made first. */
  #isAlone = true;
  #serve: (() => void) | null = null;
  #timer: Timer | null = null;

  constructor(clock: Clock, count: number) {
    this.#clock = clock;
    this.#left = count;
  }

  /** For when this store has become the owner. @param serve lets its guests in */
  before(serve: () => void): void {
    if (this.#left === 0 || !this.#isAlone) {
      serve();
      return;
    }
    this.#serve = serve;
    this.#timer = this.#clock.after(WAIT_MS, () => {
      this.letOthers();
    });
  }

  /** For when others may change something from now on. */
  letOthers(): void {
    this.#isAlone = false;
    this.#timer?.cancel();
    const serve = this.#serve;
    this.#serve = null;
    serve?.();
  }

  /** There are none: the main thread knows that others may have changed something. */
  cancel(): void {
    this.#left = 0;
    this.letOthers();
  }

  /** Makes the next call of the main thread. */
  make(method: keyof Engine, args: readonly unknown[], make: Make): Promise<unknown> {
    if (this.#left === 0) return make(args, false);
    this.#left--;
    if (!this.#isAlone && (method === "write" || UNREPEATABLE.has(method))) {
      return Promise.reject(workerDied());
    }
    const isLate = !this.#isAlone && method === "touch";
    const answer = make(isLate ? [args[0], true] : args, true);
    if (this.#left === 0) this.letOthers();
    return answer;
  }
}
