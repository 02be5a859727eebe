/** What the store sees of an engine, wherever that runs. */
import { type Engine, ENGINE_METHODS } from "../../protocol/contract.js";
import { StoreError, type StoreErrorCode } from "../../protocol/errors.js";

/** Where nothing helps but time, calls fail at once for this long; the next one then tries again. */
export const REST_MS = 10_000;

export interface EngineHost {
  /** Settles when the collection is open, or says why it could not be opened at first. */
  readonly ready: Promise<void>;
  /** Calls may be made at once: they wait until the collection is open. */
  readonly engine: Engine;
}

/**
 * Whether the reason why a collection cannot be opened may go away: its owner closes it, its disk is
 * mounted. A wrong key stays wrong, and a worker that dies of opening a collection will do so again.
 */
export function mayPass(error: unknown): boolean {
  return error instanceof StoreError && PASSING.has(error.code);
}

const PASSING = new Set<StoreErrorCode>(["STORE_LOCKED", "STORE_IO"]);

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
