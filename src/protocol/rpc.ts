/**
 * The contract over a MessagePort: each call of an engine is one comlink call. Outcomes travel as
 * values, since comlink drops the code and the cause of a thrown error. The only importer of
 * comlink, whose table of transfer handlers is shared by the whole application and left unchanged.
 */
import type { MessagePort } from "node:worker_threads";
import { expose, wrap } from "comlink";

import { type Engine, ENGINE_METHODS } from "./contract.js";
import { decodeError, encodeError, type WireError } from "./wire-error.js";

type Outcome = { readonly value: unknown } | { readonly error: WireError };
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each method has its own arguments
type Method = (...args: any[]) => Promise<unknown>;
type RemoteMethod = (...args: unknown[]) => Promise<Outcome>;

/** Exposes the methods of an engine, and nothing else of it, on a port. Dual of {@link connect}. */
export function serve(engine: Engine, port: MessagePort): void {
  const exposed = Object.create(null) as Record<string, RemoteMethod>;
  for (const name of ENGINE_METHODS) {
    const method: Method = engine[name].bind(engine);
    exposed[name] = async (...args) => {
      try {
        return { value: await method(...args) };
      } catch (error) {
        return { error: encodeError(error) };
      }
    };
  }
  expose(Object.freeze(exposed), port);
}

/** The engine at the other end of a port. Its calls never settle once that end is gone. */
export function connect(port: MessagePort): Engine {
  const remote = wrap<Record<string, RemoteMethod>>(port);
  const engine: Record<string, Method> = {};
  for (const name of ENGINE_METHODS) {
    // Each property access creates a proxy and registers a finalizer: done once per method.
    const method = remote[name] as unknown as RemoteMethod;
    engine[name] = (...args: unknown[]) => method(...args).then(valueOf);
  }
  return engine as unknown as Engine;
}

function valueOf(outcome: Outcome): unknown {
  if ("error" in outcome) throw decodeError(outcome.error);
  return outcome.value;
}
