/** Owns every call in every state of a store, from opening to closed. */
import type session from "express-session";
import { describe, expect } from "vitest";
import { cookie, HOUR_MS, sessionOf, SHAPES, type Stored } from "../support/session-values.js";
import type { Behavior } from "./behavior.js";
import { LIFE_CALLS, STANDARD_CALLS } from "./calls.js";
import type { Subject } from "./subject.js";

const CALLS = [...LIFE_CALLS, ...STANDARD_CALLS];
const REFUSED = Object.fromEntries(CALLS.map(([method]) => [method, "STORE_CLOSED"]));

export function states(behavior: Behavior): void {
  everyCall(behavior);
  close(behavior);
  compact(behavior);
}

function everyCall({ needs, open }: Behavior): void {
  describe("every call", () => {
    needs("life")("waits while the store is opening", async () => {
      const store = open({ fresh: true });
      const answers = [
        store.call("length"),
        store.call("ids"),
        store.call("all"),
        store.call("stats"),
        store.call("compact"),
        store.call("clear"),
        store.call("get", "unknown"),
        store.call("touch", "unknown", sessionOf({})),
        store.call("destroy", "unknown"),
        store.call("set", "a", sessionOf({})),
      ];
      expect(await Promise.all(answers)).toEqual([
        0,
        [],
        [],
        expect.objectContaining({ sessions: 0 }),
        undefined,
        0,
        null,
        "EXPIRED",
        0,
        undefined,
      ]);
      await store.checkpoint();
      expect(await store.listed()).toEqual(["a"]);
    });

    needs("life")("is answered while the store is open", async () => {
      const store = open();
      await readyOf(store.store);
      const given = sessionOf({ n: 1 });
      await store.set("a", given);
      const reads = [
        store.call("length"),
        store.call("ids"),
        store.call("get", "a"),
        store.call("stats"),
        store.call("all"),
      ];
      expect(await Promise.all(reads)).toEqual([
        1,
        ["a"],
        given,
        expect.objectContaining({ sessions: 1 }),
        [{ ...given, id: "a" }],
      ]);
      const writes = [
        store.call("compact"),
        store.call("set", "b", given),
        store.call("touch", "b", given),
        store.call("destroy", "b"),
        store.call("clear"),
        store.call("length"),
      ];
      expect(await Promise.all(writes)).toEqual([undefined, undefined, "OK", 1, 1, 0]);
    });

    needs("life")("is refused while the store is closing", async () => {
      const store = open();
      await readyOf(store.store);
      const closed = store.call("close");
      expect(await codesOf(store)).toEqual(REFUSED);
      await closed;
    });

    needs("life")("is refused while a store is closing that was not open yet", async () => {
      const store = open({ fresh: true });
      const closed = store.call("close");
      expect(await codesOf(store)).toEqual(REFUSED);
      await closed;
    });

    needs("life")("is refused when the store has closed", async () => {
      const store = open();
      expect(await store.call("close")).toBeUndefined();
      expect(await codesOf(store)).toEqual(REFUSED);
    });
  });
}

function close({ needs, open }: Behavior): void {
  describe("close", () => {
    needs("life")("may be called again, at any time", async () => {
      const store = open();
      await Promise.all([store.call("close"), store.call("close")]);
      expect(await store.call("close")).toBeUndefined();
    });

    needs("life")("comes after what was called before it", async () => {
      const store = open();
      const given = sessionOf({ n: 1 });
      await store.set("destroyed", given);
      const newer = cookie(2 * HOUR_MS);
      const calls = [
        store.call("set", "a", given),
        store.call("touch", "a", { cookie: newer }),
        store.call("destroy", "destroyed"),
        store.call("get", "a"),
        store.call("length"),
        store.call("ids"),
        store.call("all"),
        store.call("close"),
      ];
      const touched = { ...given, cookie: newer };
      expect(await Promise.all(calls)).toEqual([
        undefined,
        "OK",
        1,
        touched,
        1,
        ["a"],
        [{ ...touched, id: "a" }],
        undefined,
      ]);
      await store.reopen();
      expect(await store.listed()).toEqual(["a"]);
      expect(await store.get("a")).toStrictEqual(touched);
    });

    needs("life")("comes after what was called before the store was open", async () => {
      const store = open({ fresh: true });
      const given = sessionOf({ n: 1 });
      await Promise.all([store.set("a", given), store.call("close")]);
      await store.reopen();
      expect(await store.get("a")).toStrictEqual(given);
    });

    needs("life")("keeps the sessions for the next store", async () => {
      const store = open();
      const given = Object.entries(SHAPES).map(
        ([sid, json]) => [sid, JSON.parse(json) as Stored] as const,
      );
      await Promise.all(given.map(([sid, value]) => store.set(sid, value)));
      await store.destroy("empty");
      await store.reopen();
      await store.call("compact");
      await store.set("later", { n: 1 });
      await store.reopen();
      const expected = [...given.filter(([sid]) => sid !== "empty"), ["later", { n: 1 }]];
      const found = expected.map(async ([sid]) => [sid, await store.get(sid as string)]);
      expect(JSON.stringify(await Promise.all(found))).toBe(JSON.stringify(expected));
      expect(await store.length()).toBe(expected.length);
    });
  });
}

function compact({ needs, open }: Behavior): void {
  describe("compact", () => {
    needs("life")("changes no session, not even one that is set meanwhile", async () => {
      const store = open();
      const sids = await setSome(store);
      await Promise.all([store.call("compact"), store.set("late", sessionOf({ n: 4 }))]);
      await store.call("compact");
      expect(await store.call("stats")).toMatchObject({ sessions: 4 });
      await store.checkpoint();
      expect(await store.listed()).toEqual(["late", ...sids]);
    });

    needs("journal")("empties the journal into the snapshot", async () => {
      const store = open();
      await setSome(store);
      await store.call("compact");
      expect(await store.call("stats")).toMatchObject({
        walBytes: 0,
        snapshotBytes: expect.toSatisfy((bytes) => bytes > 0) as number,
      });
    });
  });
}

/** Sets three sessions. @returns their ids, sorted */
async function setSome(store: Subject): Promise<string[]> {
  const sids = [1, 2, 3].map((n) => `sid ${n}`);
  await Promise.all(sids.map((sid) => store.set(sid, sessionOf({ sid }))));
  return sids;
}

async function readyOf(store: session.Store): Promise<void> {
  const ready: unknown = Reflect.get(store, "ready");
  if (!(ready instanceof Promise)) throw new Error("ready is not a promise");
  await ready;
}

/** How each call ends, all made at once: the code of its error, or "no error". */
async function codesOf(store: Subject): Promise<Record<string, unknown>> {
  const outcomes = CALLS.map(([method, args]) =>
    store.call(method, ...args).then(
      () => [method, "no error"] as const,
      (error: unknown) => [method, (error as { code?: unknown }).code ?? error] as const,
    ),
  );
  return Object.fromEntries(await Promise.all(outcomes));
}
