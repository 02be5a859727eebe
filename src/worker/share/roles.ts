/**
 * What a store can be among those that share a collection; and as a guest, how it has its calls answered.
 */
import { argumentsOf, type Call, type Calls } from "./calls.js";
import { Credit } from "./credit.js";
import { NEXT_PAGE } from "./guest-connection.js";
import type { Link } from "./link.js";
import type { OwnerRole } from "./owner-role.js";

/** In search of an owner, calls wait. */
export const NONE = { name: "none" } as const;

export type Role = OwnerRole | GuestRole | typeof NONE;

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
