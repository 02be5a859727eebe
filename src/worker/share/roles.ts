/** What a store is among those that share a collection, and how it has its calls answered as that. */
import type { Owned } from "../disk/engine.js";
import { argumentsOf, type Call, type Calls } from "./calls.js";
import { Credit } from "./credit.js";
import { type Dispatch, Gate } from "./gate.js";
import { NEXT_PAGE } from "./guest-connection.js";
import type { Link } from "./link.js";
import { OwnCalls } from "./own-calls.js";
import type { Reception } from "./reception.js";

/** In search of an owner, calls wait. */
export const NONE = { name: "none" } as const;

export type Role = OwnerRole | GuestRole | typeof NONE;

/** It has the collection open, and makes calls itself. */
export class OwnerRole {
  readonly name = "owner";
  readonly owned: Owned;
  readonly #calls: Calls;
  readonly #gate: Gate;
  readonly #own: OwnCalls;
  /** As which guest it had been sent what it is asked again. */
  readonly #guest: string;

  /** @param isLost whether it is the owner no more */
  constructor(owned: Owned, calls: Calls, guest: string, isLost: () => boolean) {
    this.owned = owned;
    this.#calls = calls;
    this.#guest = guest;
    this.#gate = new Gate(owned.engine, owned.lock);
    this.#own = new OwnCalls(this.#gate, calls, isLost);
  }

  /** Makes a call of a guest. */
  readonly dispatch: Dispatch = (...call) => this.#gate.dispatch(...call);

  make(call: Call): void {
    if (call.sentAt === null) {
      this.#calls.remove(call);
      this.#own.make(call);
      return;
    }
    const args = argumentsOf(call);
    const numbers = this.#calls.sending(call);
    this.#own.makeAgain(call, args, { guest: this.#guest, numbers });
  }

  /** Ends it, for another owner has taken over. */
  async abandon(): Promise<void> {
    await this.owned.engine.close().catch(() => undefined);
    await this.#own.settled();
  }

  /** Closes the collection. @returns why that could not be done in order, or null */
  async close(reception: Reception | null): Promise<Error | null> {
    reception?.stop();
    const failure = await this.#own.close().then(
      () => null,
      (error: unknown) => error as Error,
    );
    await this.#own.settled();
    // Whoever has answers reads them before the thread ends.
    await reception?.finish();
    return failure;
  }
}

/** It sends calls to the owner, as far as its credit goes. */
export class GuestRole {
  readonly name = "guest";
  readonly #link: Link;
  readonly #calls: Calls;
  readonly #credit = new Credit();

  constructor(link: Link, calls: Calls) {
    this.#link = link;
    this.#calls = calls;
  }

  make(call: Call): void {
    if (this.#credit.take(call)) this.#send(call);
  }

  /** For a call that has been answered. @param next the number of the next page, if there is one */
  answered(id: number, next: number | null): void {
    if (next !== null) this.#link.send([id, NEXT_PAGE, [next]]);
    else for (const call of this.#credit.give(id)) this.#send(call);
  }

  #send(call: Call): void {
    const args = argumentsOf(call);
    this.#link.send([call.id, call.method, args, this.#calls.sending(call)]);
  }
}
