/** Owns how callbacks are called: once, later, and only where there is one. */
import type session from "express-session";
import { expect, it } from "vitest";
import { sessionOf } from "../support/session-values.js";
import { until } from "../support/until.js";
import type { Behavior } from "./behavior.js";
import { type Call, LIFE_CALLS, STANDARD_CALLS } from "./calls.js";
import { invoke } from "./subject.js";

export function callbacks({ needs, open }: Behavior): void {
  it("each callback is called once, after its method has returned", async () => {
    await countCallbacks(open().store, STANDARD_CALLS);
  });

  needs("life")("each callback of a method of a store's life is called so too", async () => {
    const calls: Call[] = [...LIFE_CALLS, ["close", []], ["close", []], ["get", ["a"]]];
    await countCallbacks(open().store, calls);
  });

  it("writes need no callback", async () => {
    const subject = open();
    const { store } = subject;
    const given = sessionOf({ n: 1 });
    store.set("a", given as unknown as session.SessionData);
    store.set("b", given as unknown as session.SessionData);
    store.touch?.("a", sessionOf({}) as unknown as session.SessionData);
    store.destroy("b");
    store.destroy("unknown");
    expect(await subject.listed()).toEqual(["a"]);
    store.clear?.();
    expect(await subject.length()).toBe(0);
  });
}

/** Makes the calls at once; each callback must come once, and later. */
async function countCallbacks(store: session.Store, calls: readonly Call[]): Promise<void> {
  const counts = calls.map(() => 0);
  let returned = false;
  calls.forEach(([method, args], index) => {
    const callback = (): void => {
      expect(returned, method).toBe(true);
      counts[index] = (counts[index] ?? 0) + 1;
    };
    Reflect.apply(Reflect.get(store, method) as () => void, store, [...args, callback]);
  });
  returned = true;
  await until(() => counts.every((count) => count > 0));
  // A second call would have come by the time the store has answered another.
  await invoke(store, "callback", "get", ["a"]).catch(() => undefined);
  expect(counts).toEqual(calls.map(() => 1));
}
