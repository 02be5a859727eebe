/**
 * The calls of a store that have not been answered, in their order, and what becomes of them when the
 * owner goes: which are sent again to the next one, how, and which are not.
 */
import type { Engine, Write } from "../../protocol/contract.js";
import type { Answer } from "../../protocol/pager.js";
import { StoreError } from "../../protocol/errors.js";
import { type Clock, elapsedSince, type Moment, momentOf } from "../ports/clock.js";
import { lifeline } from "../ports/keep-alive.js";
import type { Numbers } from "./messages.js";

export interface Call {
  /** Counts up, in the order in which the calls are made. */
  readonly id: number;
  readonly method: keyof Engine;
  readonly args: readonly unknown[];
  /** Whether a worker that has died since may have made it. */
  readonly isRepeat: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** When it was made, and when it was sent for the first time, if it was. */
  readonly madeAt: Moment;
  sentAt: Moment | null;
  /** Of writes that were sent: the number of the first. */
  first: number | null;
  /** What has come of an answer that is a long list. */
  page: unknown[];
}

/** Longer than this an owner need not remember which writes it has executed. */
const MAX_AGE_MS = 5000;

/** What changes more than can be told by numbers. */
export const UNREPEATABLE: ReadonlySet<string> = new Set(["clear", "destroyAllOf"]);

export class Calls {
  readonly #clock: Clock;
  readonly #open = new Map<number, Call>();
  /** The writes that have been sent, in their order. */
  readonly #numbered = new Set<Call>();
  /** Keeps the process alive while there are any. */
  readonly #alive = lifeline().unref();
  #ids = 0;
  #numbers = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  /** @returns a call, and what it will be answered */
  make(
    method: keyof Engine,
    args: readonly unknown[],
    isRepeat = false,
  ): { call: Call; answer: Promise<unknown> } {
    const id = ++this.#ids;
    const madeAt = this.now();
    let call!: Call;
    const answer = new Promise((resolve, reject) => {
      const sending = { madeAt, sentAt: null, first: null, page: [] };
      call = { id, method, args, isRepeat, resolve, reject, ...sending };
    });
    return { call, answer };
  }

  /** Keeps a call until it is answered. */
  add(call: Call): void {
    this.#open.set(call.id, call);
    this.#alive.ref();
  }

  /** The calls in the order in which they were made. */
  inOrder(): Call[] {
    return [...this.#open.values()].sort((a, b) => a.id - b.id);
  }

  /** Notes that a call is sent. @returns which numbers its writes have */
  sending(call: Call): Numbers | null {
    call.sentAt ??= this.now();
    call.page = [];
    if (call.method !== "write") return null;
    if (call.first === null) {
      call.first = this.#numbers + 1;
      this.#numbers += (call.args[0] as readonly Write[]).length;
      this.#numbered.add(call);
    }
    const [oldest = call] = this.#numbered;
    return { first: call.first, floor: oldest.first ?? call.first };
  }

  /** @returns the number of the next page, if there is one */
  answer(id: number, outcome: Answer | { readonly error: Error }): number | null {
    const call = this.#open.get(id);
    if (call === undefined) return null;
    if ("page" in outcome) {
      for (const element of outcome.page) call.page.push(element);
      return outcome.next;
    }
    this.remove(call);
    if ("error" in outcome) call.reject(outcome.error);
    else if (call.page.length === 0) call.resolve(outcome.value);
    else call.resolve([...call.page, ...(outcome.value as unknown[])]);
    return null;
  }

  /** Fails the calls for which this says why. */
  fail(reason: (call: Call) => Error | null): void {
    for (const call of this.inOrder()) {
      const error = reason(call);
      if (error === null) continue;
      this.remove(call);
      call.reject(error);
    }
  }

  /** Fails those that may not be sent again to another owner. */
  failUnrepeatable(): void {
    this.fail((call) => {
      if (call.sentAt === null) return null;
      const isLate = call.method === "write" && this.#age(call.sentAt) > MAX_AGE_MS;
      return isLate || UNREPEATABLE.has(call.method) ? uncertainError() : null;
    });
  }

  /** Fails those that have waited for an owner for too long. @param since when there was one */
  failLate(limitMs: number, since: Moment, error: Error): void {
    if (this.#age(since) < limitMs) return;
    this.fail((call) => {
      if (this.#age(call.madeAt) < limitMs) return null;
      const isChange = call.method === "write" || UNREPEATABLE.has(call.method);
      return isChange && call.sentAt !== null ? uncertainError() : error;
    });
  }

  /** For a call that is answered by somebody who keeps it himself. */
  remove(call: Call): void {
    this.#open.delete(call.id);
    this.#numbered.delete(call);
    if (this.#open.size === 0) this.#alive.unref();
  }

  now(): Moment {
    return momentOf(this.#clock);
  }

  #age(moment: Moment): number {
    return elapsedSince(moment, this.#clock);
  }
}

/** The arguments of a call that is about to be sent, possibly again. */
export function argumentsOf({ method, args, sentAt }: Call): readonly unknown[] {
  // It may have been made before, and the session stored since.
  return sentAt !== null && method === "touch" ? [args[0], true] : args;
}

export function uncertainError(): StoreError {
  return new StoreError(
    "STORE_UNCERTAIN",
    "the process that had the collection open went away with this call, which may have taken effect " +
      "or not",
  );
}
