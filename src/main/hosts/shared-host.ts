/**
 * One host for the stores of this process that have a collection open in the same way, so that a hot
 * reload, which leaves stores behind, leaves no thread behind with each.
 */
import { isDeepStrictEqual } from "node:util";

import type { EngineListener } from "../../protocol/contract.js";
import { type Dispatch, dispatchTo, engineFrom } from "../../protocol/dispatch.js";
import { type EngineHost } from "./engine-host.js";
import type { WorkerParts } from "./worker-life.js";

/** What a host is made of. Stores share one if theirs are equal. */
type Making = Omit<WorkerParts, "listener">;

interface SharedHost {
  readonly making: Making;
  readonly host: EngineHost;
  /**
   * Of each store that has not been closed, in the order in which they came. A store that is left
   * behind holds its own, and takes it along when it is collected as garbage.
   */
  readonly listeners: Set<WeakRef<EngineListener>>;
}

/** Loading the package anew makes new modules, which find the hosts of the old ones here. */
const REGISTRY: unique symbol = Symbol.for("express-session-isolate hosts");

function hosts(): Set<SharedHost> {
  const registry = globalThis as unknown as Record<typeof REGISTRY, Set<SharedHost> | undefined>;
  return (registry[REGISTRY] ??= new Set());
}

/**
 * The host of the stores that are made of the same, or a new one.
 * @param make starts a host, which tells all stores that share it
 */
export function sharedHost(
  making: Making,
  listener: EngineListener,
  make: (listener: EngineListener) => EngineHost,
): EngineHost {
  const shared = [...hosts()].find((each) => isEqual(each.making, making)) ?? open(making, make);
  return join(shared, listener);
}

/** The name of a store is its own. */
function isEqual(one: Making, other: Making): boolean {
  const { owner } = one.config;
  return isDeepStrictEqual(one, { ...other, config: { ...other.config, owner } });
}

function open(making: Making, make: (listener: EngineListener) => EngineHost): SharedHost {
  const listeners = new Set<WeakRef<EngineListener>>();
  const host = make({
    // One is enough: what is reported concerns the collection, and the newest is in use.
    onError: (error) => living(listeners).at(-1)?.onError(error),
    onExpired: (sessions) => {
      for (const listener of living(listeners)) listener.onExpired(sessions);
    },
  });
  const shared = { making, host, listeners };
  hosts().add(shared);
  // The next store makes an attempt of its own.
  host.ready.catch(() => hosts().delete(shared));
  return shared;
}

/** What one store sees of a host that it shares: the last one to be closed closes it. */
function join(shared: SharedHost, listener: EngineListener): EngineHost {
  const { host, listeners } = shared;
  const reference = new WeakRef(listener);
  listeners.add(reference);
  const hasOthers = (): boolean => living(listeners).some((each) => each !== listener);
  const dispatch = dispatchTo(host.engine);
  const calls = new Set<Promise<unknown>>();

  const close = async (): Promise<void> => {
    if (hasOthers()) await Promise.allSettled(calls);
    listeners.delete(reference);
    if (hasOthers()) return;
    hosts().delete(shared);
    await host.engine.close();
  };
  const call: Dispatch = (method, args) => {
    if (method === "close") return close();
    const answer = dispatch(method, args);
    calls.add(answer);
    const done = (): void => void calls.delete(answer);
    answer.then(done, done);
    return answer;
  };
  return { ready: host.ready, engine: engineFrom(call) };
}

function living(listeners: Set<WeakRef<EngineListener>>): EngineListener[] {
  return [...listeners].flatMap((reference) => reference.deref() ?? []);
}
