/** An engine as one function, and one function as an engine. */
import { type Engine, ENGINE_METHODS } from "./contract.js";

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
