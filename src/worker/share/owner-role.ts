/**
 * A store that has the collection open, and makes its calls itself. Those that have not been executed
 * when it loses the collection are kept for the next owner; those of which nobody knows fail.
 */
import type { Write, WriteOutcome } from "../../protocol/contract.js";
import { StoreError, workerDied } from "../../protocol/errors.js";
import { encodeError } from "../../protocol/wire-error.js";
import type { Owned } from "../disk/engine.js";
import { argumentsOf, type Call, type Calls, uncertainError, UNREPEATABLE } from "./calls.js";
import { Changes } from "./changes.js";
import { type Caller, Gate } from "./gate.js";
import type { Reception } from "./reception.js";

export class OwnerRole {
  readonly name = "owner";
  readonly owned: Owned;
  /** Makes the calls of guests, too. */
  readonly gate: Gate;
  readonly #calls: Calls;
  /** As which guest it had been sent what it is asked again. */
  readonly #guest: string;
  readonly #isLost: () => boolean;
  #underWay = 0;
  readonly #settlings = new Changes();

  /**
   * @param calls where calls are kept for the next owner
   * @param isLost whether it is the owner no more
   */
  constructor(owned: Owned, calls: Calls, guest: string, isLost: () => boolean) {
    this.owned = owned;
    this.gate = new Gate(owned.engine, owned.lock);
    this.#calls = calls;
    this.#guest = guest;
    this.#isLost = isLost;
  }

  make(call: Call): void {
    if (call.sentAt !== null) {
      this.#makeAgain(call);
      return;
    }
    this.#calls.remove(call);
    this.#dispatch(call, undefined, (value) => {
      if (call.method === "write") this.#written(call, value as readonly WriteOutcome[]);
      else call.resolve(value);
    });
  }

  /** Makes one that was sent to another owner, and is kept until it is answered. */
  #makeAgain(call: Call): void {
    const caller = { guest: this.#guest, numbers: this.#calls.sending(call) };
    this.#dispatch(call, caller, (value) => {
      const isMade = call.method !== "write" || !(value as WriteOutcome[]).some(isUnmade);
      if (isMade || !this.#isLost()) this.#calls.answer(call.id, { value });
    });
  }

  /** Ends it, for another owner has taken over. */
  async abandon(): Promise<void> {
    await this.owned.engine.close().catch(() => undefined);
    await this.#settled();
  }

  /** Closes the collection. @returns why that could not be done in order, or null */
  async close(reception: Reception | null): Promise<Error | null> {
    reception?.stop();
    const failure = await this.gate.dispatch("close", []).then(
      () => null,
      (error: unknown) => error as Error,
    );
    await this.#settled();
    // Whoever has answers reads them before the thread ends.
    await reception?.finish();
    return failure;
  }

  /** Resolves when no call of its own is under way. */
  async #settled(): Promise<void> {
    if (this.#underWay > 0) await this.#settlings.next();
  }

  #dispatch(call: Call, caller: Caller | undefined, onValue: (value: unknown) => void): void {
    this.#underWay++;
    this.gate
      .dispatch(call.method, argumentsOf(call), caller)
      .then(onValue, (error: unknown) => {
        this.#failed(call, error);
      })
      .finally(() => {
        if (--this.#underWay === 0) this.#settlings.tell();
      });
  }

  #failed(call: Call, error: unknown): void {
    const isKept = this.#isLost() && isGone(error);
    const isUncertain = UNREPEATABLE.has(call.method) || (call.isRepeat && call.method === "write");
    if (isKept && !isUncertain) {
      this.#calls.add(call);
      return;
    }
    const reason = isKept ? uncertainError() : (error as Error);
    this.#calls.remove(call);
    call.reject(reason);
  }

  /** Keeps those writes of a call that have not been made. */
  #written(call: Call, outcomes: readonly WriteOutcome[]): void {
    const writes = call.args[0] as readonly Write[];
    const isKept = outcomes.map((outcome) => this.#isLost() && isUnmade(outcome));
    const rest = writes.filter((_, index) => isKept[index]);
    if (rest.length === 0) {
      call.resolve(outcomes);
      return;
    }
    if (call.isRepeat) {
      const error = encodeError(workerDied());
      call.resolve(outcomes.map((outcome, index) => (isKept[index] ? error : outcome)));
      return;
    }
    const merge = (value: unknown): void => {
      const later = [...(value as readonly WriteOutcome[])];
      call.resolve(outcomes.map((outcome, index) => (isKept[index] ? later.shift() : outcome)));
    };
    this.#calls.add({ ...call, args: [rest], resolve: merge });
  }
}

/** Whether a write was refused because the collection is another process's. */
function isUnmade(outcome: WriteOutcome): boolean {
  return typeof outcome === "object" && outcome.code === "STORE_LOCKED";
}

function isGone(error: unknown): boolean {
  return error instanceof StoreError && ["STORE_LOCKED", "STORE_CLOSED"].includes(error.code);
}
