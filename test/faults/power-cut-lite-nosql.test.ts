/**
 * Owns what a power cut may cost while a collection of lite-nosql is taken over: damaged ones, ones
 * of other shapes and ones with increments are cut off at every operation of their first openings.
 */
import { describe, it, vi } from "vitest";

import { FaultDisk } from "../support/power/fault-disk.js";
import { Ledger } from "../support/power/ledger.js";
import { DIRECTORY, JOURNAL, type Life, SNAPSHOT } from "../support/power/life.js";
import type { Script } from "../support/power/life-script.js";
import {
  A,
  B,
  cutEverywhere,
  KEYS,
  LONG,
  NESTED,
  PLAIN_OR_NOT,
  START,
  TIMEOUT_MS,
} from "../support/power/story.js";
import { seededRandom, SEED } from "../support/random.js";

vi.mock("node:crypto", async (original) => {
  const { withFastPbkdf2 } = await import("../support/fast-pbkdf2.js");
  return withFastPbkdf2(await original());
});

/** Of how many recoveries one is cut off where there is damage, and opening has the most to do. */
const NESTED_IN_DAMAGE = 8;

const DAY_MS = 86_400_000;

const document = (id: string, n: number): string =>
  JSON.stringify({ _id: id, sess: { n }, expiresAt: START + DAY_MS });
const record = (op: string, id: string, rest: object): string =>
  `${JSON.stringify({ op, ts: START, id, ...rest })}\n`;
const increment = (id: string, by: number): string =>
  record("update", id, { set: {}, unset: [], inc: { "sess.n": by } });
const certainly = (sessions: Readonly<Record<string, number | null>>): Ledger =>
  new Ledger(
    new Map(
      Object.entries(sessions).map(([sid, n]) => [
        sid,
        [n === null ? null : { json: `{"n":${n}}`, expiresAt: START + DAY_MS }],
      ]),
    ),
  );

/** In a torn tail, it is still there where only part of what was written over it survives. */
const torn = "longer than what is appended ";

describe("a collection that lite-nosql left damaged", () => {
  const marks = ["in the snapshot", "in the journal"];
  const snapshot = `["a",${document("a", 1)}],["x",{"in the snapshot":],["b",${document("b", 1)}]`;
  const files = {
    [SNAPSHOT]: `{"version":3,"ts":1,"docs":[${snapshot}]}`,
    [JOURNAL]:
      `{"op":"insert","ts":1,"id":"c","doc":${document("c", 1)}}\n` +
      increment("c", 1) +
      '{"op":"insert", in the journal}\n' +
      increment("a", 4) +
      record("delete", "b", {}) +
      `{"op":"insert", ${torn.repeat(30)}`,
  };

  it.for(KEYS)(
    "%s: opening it is cut off everywhere",
    { timeout: TIMEOUT_MS },
    async ([, keys], context) => {
      const play = async (life: Life, script: Script): Promise<void> => {
        for (const passwords of keys) {
          await life.open(passwords);
          await script.steps(10);
          // Before a key may go, nothing may be left under it.
          life.compact();
          await life.settle();
          await life.close();
        }
      };
      const disk = FaultDisk.with(DIRECTORY, files);
      const ledger = certainly({ a: 5, b: null, c: 2 });
      const kept = { marks, torn, passwords: [A, B] };
      const story = { disk, ledger, ...kept, nested: NESTED_IN_DAMAGE, play };
      await cutEverywhere(context, story, seededRandom(SEED));
    },
  );
});

describe("a collection that lite-nosql left in other shapes", () => {
  const elsewhere = (id: string, sid: string, n: number): string =>
    JSON.stringify({ _id: id, sid, sess: { n }, expiresAt: START + DAY_MS, createdAt: "then" });
  const put = (id: string, doc: string): string =>
    `{"op":"insert","ts":1,"id":"${id}","doc":${doc}}\n`;
  const more = JSON.stringify({ _id: "c", sess: { n: 5 }, expiresAt: START + DAY_MS, role: "x" });
  const files = {
    [SNAPSHOT]:
      `{"version":3,"ts":1,"docs":[["d1",${elsewhere("d1", "a", 1)}],["d2",${elsewhere("d2", "b", 2)}],` +
      `["c",${more}],["settings",{"_id":"settings","n":1}]]}`,
    // The document of `a` has the id of another session, which has been replaced.
    [JOURNAL]:
      put("d3", elsewhere("d3", "b", 3)) +
      put("a", elsewhere("a", "d", 4)) +
      increment("a", 10) +
      record("update", "settings", { set: {}, unset: [], inc: { n: 1 } }) +
      record("delete", "d2", {}),
  };

  // With the second seed, a cut loses a session that has moved, and keeps that it has.
  it.for(KEYS.flatMap((keys) => [[...keys, SEED] as const, [...keys, 383_366_277] as const]))(
    "%s: opening it is cut off everywhere",
    { timeout: TIMEOUT_MS },
    async ([, keys, seed], context) => {
      const disk = FaultDisk.with(DIRECTORY, files);
      const play = async (life: Life, script: Script): Promise<void> => {
        for (const passwords of keys) {
          await life.open(passwords);
          await script.steps(3);
          life.compact();
          await life.settle();
          await life.close();
        }
      };
      const ledger = certainly({ a: 1, b: 3, c: 5, d: 14 });
      const isFixed = seed !== SEED || !LONG;
      const story = { disk, ledger, every: isFixed ? 4 : 1, nested: isFixed ? 1000 : NESTED, play };
      await cutEverywhere(context, story, seededRandom(seed));
    },
  );
});

describe("a collection that lite-nosql left with increments", () => {
  const files = {
    [SNAPSHOT]: `{"version":3,"ts":1,"docs":[["a",${document("a", 1)}],["b",${document("b", 1)}]]}`,
    [JOURNAL]:
      increment("a", 4) +
      increment("b", 1) +
      increment("a", 2) +
      `{"op":"insert", ${torn.repeat(30)}`,
  };

  // With the second seed, a cut loses the removal of the torn tail and keeps what was written over it.
  it.for(PLAIN_OR_NOT.flatMap((keys) => [[...keys, SEED] as const, [...keys, 3] as const]))(
    "%s: nothing is added twice and no torn tail is kept, wherever opening it is cut off",
    { timeout: TIMEOUT_MS },
    async ([, keys, seed], context) => {
      const disk = FaultDisk.with(DIRECTORY, files);
      const play = async (life: Life): Promise<void> => {
        await life.open(keys);
        life.compact();
        await life.settle();
        await life.close();
      };
      const story = {
        disk,
        ledger: certainly({ a: 7, b: 2 }),
        torn,
        every: 1,
        nested: LONG ? NESTED : 1000,
        play,
      };
      await cutEverywhere(context, story, seededRandom(seed));
    },
  );
});
