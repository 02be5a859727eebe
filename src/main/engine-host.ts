/** What the store sees of an engine, wherever that runs. */
import { type Engine, ENGINE_METHODS } from "../protocol/contract.js";

export interface EngineHost {
  /** Settles when the collection is open, or says why it is not. */
  readonly ready: Promise<void>;
  /** Calls may be made at once: they wait until the collection is open. */
  readonly engine: Engine;
}

/** Carries one call of an engine. */
export type Carry = (method: keyof Engine, args: unknown[]) => Promise<unknown>;

/** An engine all of whose methods are carried in one way. */
export function engineOf(carry: Carry): Engine {
  const methods = ENGINE_METHODS.map((method): [string, unknown] => [
    method,
    (...args: unknown[]) => carry(method, args),
  ]);
  return Object.fromEntries(methods) as unknown as Engine;
}
