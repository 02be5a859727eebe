/**
 * The calls of an owner itself. Those that have not been executed when it loses the collection are kept
 * for the next owner; those of which nobody knows fail.
 */
import type { Engine, Write, WriteOutcome } from "../../protocol/contract.js";
import { StoreError, workerDied } from "../../protocol/errors.js";
import { encodeError } from "../../protocol/wire-error.js";
import { type Call, type Calls, uncertainError, UNREPEATABLE } from "./calls.js";
import { Changes } from "./changes.js";
import type { Caller, Gate } from "./gate.js";

export class OwnCalls {
  readonly #gate: Gate;
  readonly #calls: Calls;
  readonly #isLost: () => boolean;
  #underWay = 0;
  readonly #settlings = new Changes();

  /** @param calls where calls are kept for the next owner */
  constructor(gate: Gate, calls: Calls, isLost: () => boolean) {
    this.#gate = gate;
    this.#calls = calls;
    this.#isLost = isLost;
  }

  /** Makes a call that no other owner has been sent. */
  make(call: Call): void {
    this.#dispatch(call, call.method, call.args, undefined, (value) => {
      if (call.method === "write") this.#written(call, value as readonly WriteOutcome[]);
      else call.resolve(value);
    });
  }

  /** Makes one that was sent to another owner, and is kept until it is answered. */
  makeAgain(call: Call, args: readonly unknown[], caller: Caller): void {
    this.#dispatch(call, call.method, args, caller, (value) => {
      const isMade = call.method !== "write" || !(value as WriteOutcome[]).some(isUnmade);
      if (isMade || !this.#isLost()) this.#calls.answer(call.id, { value });
    });
  }

  async close(): Promise<void> {
    await this.#gate.dispatch("close", []);
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    if (this.#underWay > 0) await this.#settlings.next();
  }

  #dispatch(
    call: Call,
    method: keyof Engine,
    args: readonly unknown[],
    caller: Caller | undefined,
    onValue: (value: unknown) => void,
  ): void {
    this.#underWay++;
    this.#gate
      .dispatch(method, args, caller)
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
    if (this.#calls.has(call)) this.#calls.answer(call.id, { error: reason });
    else call.reject(reason);
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
