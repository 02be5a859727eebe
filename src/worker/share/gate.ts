/**
 * The engine of an owner, as its guests and itself call it. After a silence, in which another process
 * may have taken over, calls wait until the owner has made sure that it still is one: reads as well.
 */
import type { Engine, Write } from "../../protocol/contract.js";
import type { Owned } from "../disk/engine.js";
import type { Numbers } from "./messages.js";

type OwnerEngine = Pick<Owned["engine"], keyof Engine>;

/** Who makes a call, if not the owner itself, and which numbers its writes have. */
export interface Caller {
  readonly guest: string;
  readonly numbers: Numbers | null;
}

/** Makes a call of the engine. */
export type Dispatch = (
  method: keyof Engine,
  args: readonly unknown[],
  caller?: Caller,
) => Promise<unknown>;

type Lease = Pick<Owned["lock"], "mayAnswer" | "renew" | "use">;
type Method = (...args: readonly unknown[]) => Promise<unknown>;

export class Gate {
  readonly #engine: OwnerEngine;
  readonly #lease: Lease;
  #renewing: Promise<void> | null = null;
  /** How many calls wait. No other is made before them. */
  #waiting = 0;

  constructor(engine: OwnerEngine, lease: Lease) {
    this.#engine = engine;
    this.#lease = lease;
  }

  /** Makes a call; the calls that wait are made in their order. */
  dispatch(method: keyof Engine, args: readonly unknown[], caller?: Caller): Promise<unknown> {
    this.#lease.use();
    if (this.#waiting === 0 && this.#lease.mayAnswer()) return this.#make(method, args, caller);
    return this.#makeLater(method, args, caller);
  }

  async #makeLater(...call: Parameters<Dispatch>): Promise<unknown> {
    this.#waiting++;
    try {
      await (this.#renewing ??= this.#lease.renew().finally(() => (this.#renewing = null)));
    } finally {
      this.#waiting--;
    }
    return this.#make(...call);
  }

  #make(method: keyof Engine, args: readonly unknown[], caller?: Caller): Promise<unknown> {
    if (caller !== undefined) {
      const { guest, numbers } = caller;
      if (method === "get") return this.#engine.get(args[0] as readonly string[], guest);
      if (method === "clear") return this.#engine.clear(guest);
      if (method === "destroyAllOf") {
        const [user, except] = args as Parameters<Engine["destroyAllOf"]>;
        return this.#engine.destroyAllOf(user, except, guest);
      }
      if (method === "write" && numbers !== null) {
        return this.#engine.write(args[0] as readonly Write[], { guest, ...numbers });
      }
    }
    return (this.#engine[method] as Method)(...args);
  }
}
