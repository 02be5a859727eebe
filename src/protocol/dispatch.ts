/** An engine as one function, one function as an engine, and a call for one write. */
import { type Engine, ENGINE_METHODS, type Write } from "./contract.js";
import { decodeError } from "./wire-error.js";

/** Calls one method of an engine. */
export type Dispatch = (method: keyof Engine, args: unknown[]) => Promise<unknown>;

/** An engine whose methods all go through one function. Dual of {@link dispatchTo}. */
export function engineFrom(dispatch: Dispatch): Engine {
  const methods = ENGINE_METHODS.map((method): [string, unknown] => [
    method,
    (...args: unknown[]) => dispatch(method, args),
  ]);
  return Object.fromEntries(methods) as unknown as Engine;
}

/** One function for all methods of an engine. Dual of {@link engineFrom}. */
export function dispatchTo(engine: Engine): Dispatch {
  return (method, args) => (engine[method] as (...args: unknown[]) => Promise<unknown>)(...args);
}

/**
 * Makes one write, whose failure, which an engine tells as a value, is thrown.
 * @returns how many live sessions it has replaced or deleted
 */
export async function writeOne(engine: Pick<Engine, "write">, write: Write): Promise<number> {
  const [outcome = 0] = await engine.write([write]);
  if (typeof outcome !== "number") throw decodeError(outcome);
  return outcome;
}
