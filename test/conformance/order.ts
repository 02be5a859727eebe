/** Owns that calls take effect in the order in which they are made, with nobody waiting. */
import { describe, expect, it } from "vitest";
import { seededRandom, SEED } from "../support/random.js";
import { cookie, HOUR_MS, sessionOf, type Stored } from "../support/session-values.js";
import type { Behavior } from "./behavior.js";
import type { Subject } from "./subject.js";

export function order(behavior: Behavior): void {
  sequences(behavior);
  anySequence(behavior);
}

function sequences({ needs, open }: Behavior): void {
  describe("the order of calls made at once is kept:", () => {
    it("set, set, get", async () => {
      const store = open();
      const last = sessionOf({ n: 2 });
      const writes = [store.set("a", sessionOf({ n: 1 })), store.set("a", last)];
      const found = store.get("a");
      expect(await found).toStrictEqual(last);
      await Promise.all(writes);
      expect(await store.get("a")).toStrictEqual(last);
    });

    it("set, get, set, get, destroy, get", async () => {
      const store = open();
      const [one, two] = [sessionOf({ n: 1 }), sessionOf({ n: 2 })];
      const calls = [
        store.get("a"),
        store.set("a", one),
        store.get("a"),
        store.set("a", two),
        store.get("a"),
        store.destroy("a"),
        store.get("a"),
      ];
      const [before, , first, , second, , after] = await Promise.all(calls);
      expect([before, first, second, after]).toEqual([null, one, two, null]);
    });

    it("destroy, touch, get", async () => {
      const store = open();
      const given = sessionOf({});
      await store.set("a", given);
      const calls = [store.destroy("a"), store.touch("a", given), store.get("a")];
      expect((await Promise.all(calls))[2]).toBeNull();
      await store.checkpoint();
      expect(await store.get("a")).toBeNull();
    });

    it("set, touch, set, touch, get", async () => {
      const store = open();
      const last = cookie(3 * HOUR_MS);
      const calls = [
        store.set("a", sessionOf({ n: 1 })),
        store.touch("a", { cookie: cookie(2 * HOUR_MS), n: 0 }),
        store.set("a", sessionOf({ n: 2 })),
        store.touch("a", { cookie: last, n: 0 }),
        store.get("a"),
      ];
      expect((await Promise.all(calls))[4]).toStrictEqual({ cookie: last, n: 2 });
      await store.checkpoint();
      expect(await store.get("a")).toStrictEqual({ cookie: last, n: 2 });
    });

    it("touch, set, get", async () => {
      const store = open();
      await store.set("a", sessionOf({ n: 1 }));
      const given = sessionOf({ n: 2 }, HOUR_MS / 2);
      const calls = [
        store.touch("a", { cookie: cookie(2 * HOUR_MS) }),
        store.set("a", given),
        store.get("a"),
      ];
      expect((await Promise.all(calls))[2]).toStrictEqual(given);
      await store.checkpoint();
      expect(await store.get("a")).toStrictEqual(given);
    });

    it("set, clear, get, set, get", async () => {
      const store = open();
      const again = sessionOf({ n: 2 });
      const calls = [
        store.set("a", sessionOf({ n: 1 })),
        store.clear(),
        store.get("a"),
        store.set("a", again),
        store.get("a"),
      ];
      const [, , cleared, , found] = await Promise.all(calls);
      expect(cleared).toBeNull();
      expect(found).toStrictEqual(again);
      await store.checkpoint();
      expect(await store.listed()).toEqual(["a"]);
    });

    it("set, length, destroy, length", async () => {
      const store = open();
      const calls = [
        store.set("a", sessionOf({})),
        store.length(),
        store.destroy("a"),
        store.length(),
      ];
      expect((await Promise.all(calls)).filter((value) => value !== undefined)).toEqual([1, 0]);
    });

    needs("answers")("set, destroy, destroy, touch: each answers for its turn", async () => {
      const store = open();
      const calls = [
        store.call("set", "a", sessionOf({})),
        store.call("touch", "a", sessionOf({})),
        store.call("destroy", "a"),
        store.call("destroy", "a"),
        store.call("touch", "a", sessionOf({})),
        store.call("get", "a"),
      ];
      expect(await Promise.all(calls)).toEqual([undefined, "OK", 1, 0, "EXPIRED", null]);
    });
  });
}

function anySequence({ needs, lacks, open }: Behavior): void {
  describe("any sequence of calls", () => {
    if (lacks("answers")) {
      it(`reads as a map does (TEST_SEED=${SEED})`, async () => {
        await compareWithMap(open(), SEED, false);
      });
    }

    needs("answers")(`answers as a map does (TEST_SEED=${SEED})`, async () => {
      await compareWithMap(open(), SEED, true);
    });
  });
}

/**
 * Makes a seeded sequence of calls on a few ids, waiting only now and then, and compares each
 * answer with that of a map; those of writes only where `answers`.
 */
async function compareWithMap(store: Subject, seed: number, answers: boolean): Promise<void> {
  const random = seededRandom(seed);
  const map = new Map<string, Stored>();
  const sids = ["a", "b", "c", "__proto__", "ünï·çødé"];
  const log: { call: string; answer: Promise<unknown>; expected: unknown }[] = [];
  const note = (call: string, answer: Promise<unknown>, expected: unknown): void => {
    // A failure is reported in its turn below, not as one that nobody handled.
    answer.catch(() => undefined);
    log.push({ call, answer, expected });
  };
  const noteWrite = (call: string, answer: Promise<unknown>, expected: unknown): void => {
    note(call, answers ? answer : answer.then(() => expected), expected);
  };

  for (let n = 0; n < 400; n += 1) {
    const sid = random.pick(sids);
    const known = map.get(sid);
    const kind = random.integer(100);
    if (kind < 35) {
      note(`get ${sid}`, store.get(sid), known ?? null);
    } else if (kind < 60) {
      const given = sessionOf({ n, pad: "x".repeat(random.integer(50)) });
      map.set(sid, given);
      noteWrite(`set ${sid}`, store.call("set", sid, given), undefined);
    } else if (kind < 78) {
      const newer = { ...cookie(), n };
      if (known) map.set(sid, { ...known, cookie: newer });
      const answer = store.call("touch", sid, { cookie: newer, stale: n });
      noteWrite(`touch ${sid}`, answer, known ? "OK" : "EXPIRED");
    } else if (kind < 90) {
      noteWrite(`destroy ${sid}`, store.call("destroy", sid), map.delete(sid) ? 1 : 0);
    } else if (kind < 94) {
      note("length", store.length(), map.size);
    } else if (kind < 97) {
      // A store may list page by page, so that what is written meanwhile shows in the list.
      note("all", store.listed(), [...map.keys()].sort());
      await log.at(-1)?.answer;
    } else if (kind < 98) {
      noteWrite("clear", store.call("clear"), map.size);
      map.clear();
    } else {
      await log.at(-1)?.answer;
    }
  }

  for (const [index, { call, answer, expected }] of log.entries()) {
    expect(await answer, `call ${index}, ${call}, seed ${seed}`).toEqual(expected);
  }
  await store.checkpoint();
  for (const sid of sids) {
    expect(await store.get(sid), `${sid}, seed ${seed}`).toEqual(map.get(sid) ?? null);
  }
}
