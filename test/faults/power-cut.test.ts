/**
 * Owns what a power cut may cost: collections whose disk forgets are cut off at every operation that
 * changes it, and must come back with all that was acknowledged.
 */
import { describe, it, type TestContext, vi } from "vitest";

import type { ConfigOverrides } from "../support/engine-world.js";
import { FaultDisk } from "../support/power/fault-disk.js";
import type { Operation, Witness } from "../support/power/fault-files.js";
import { Ledger } from "../support/power/ledger.js";
import { DIRECTORY, JOURNAL, Life, type Moment, SNAPSHOT } from "../support/power/life.js";
import { doEverything, Script } from "../support/power/life-script.js";
import { type Random, seededRandom, SEED } from "../support/random.js";
import { Recovery } from "../support/power/recovery.js";
import { expectNoViolations } from "../support/totals.js";

vi.mock("node:crypto", async (original) => {
  const { withFastPbkdf2 } = await import("../support/fast-pbkdf2.js");
  return withFastPbkdf2(await original());
});

const LONG = process.env["FAULTS"] === "long";
const RANDOM_STORIES = LONG ? 10 : 3;
/** Of how many moments the power is cut at one; of how many recoveries one is itself cut off. */
const EVERY = LONG ? 1 : 16;
const NESTED = 30;
/** The same where there is damage, and opening has the most to do. */
const NESTED_IN_DAMAGE = 8;
const TIMEOUT_MS = 1_800_000;

const START = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const A = "the first password";
const B = "the second password";

/** The passwords of each process in turn that opens a collection. */
const KEYS: readonly (readonly [name: string, keys: readonly (readonly string[])[]])[] = [
  ["plain", [[], []]],
  ["encrypted", [[A], [A]]],
  ["encrypted later, then under another key", [[], [A], [B, A], [B]]],
];

interface Story {
  readonly disk?: FaultDisk;
  readonly ledger?: Ledger;
  /** Texts that must be in some file whatever happens. */
  readonly marks?: readonly string[];
  /** A text in a torn tail, which nobody may keep. */
  readonly torn?: string;
  readonly passwords?: readonly string[];
  readonly nested?: number;
  readonly every?: number;
  readonly config?: ConfigOverrides;
  readonly witness?: Witness;
  readonly play: (life: Life, script: Script) => Promise<void>;
}

/** Plays a story, cuts it off at each of its operations, and expects nothing to be wrong. */
async function cutEverywhere(context: TestContext, story: Story, random: Random): Promise<void> {
  const { disk = new FaultDisk(), play, ...rest } = story;
  const moments: Moment[] = [];
  const life = new Life({ disk, time: START, moments, ...rest });
  await play(life, new Script(life, random));
  const recovery = new Recovery({ random, every: EVERY, nested: NESTED, ...rest });
  await recovery.cutAll(moments);
  const violations = [...life.violations, ...recovery.violations];
  if (life.failedWrites + life.failedCompactions > 0) violations.push("calls fail");
  expectNoViolations(context, "power cuts", recovery.cuts, violations);
}

describe.each(KEYS)("a script, %s", (_, keys) => {
  it("is cut off everywhere", { timeout: TIMEOUT_MS }, async (context) => {
    const play = async (life: Life, script: Script): Promise<void> => {
      for (const passwords of keys) {
        await life.open(passwords);
        await doEverything(life, script);
        await life.close();
      }
    };
    await cutEverywhere(context, { play }, seededRandom(SEED));
  });
});

describe("random scripts", () => {
  it.for(Array.from({ length: RANDOM_STORIES }, (_, index) => SEED + index))(
    "with seed %i are cut off everywhere",
    { timeout: TIMEOUT_MS },
    async (seed, context) => {
      const random = seededRandom(seed);
      const [, keys] = random.pick(KEYS);
      const play = async (life: Life, script: Script): Promise<void> => {
        for (const passwords of keys) {
          await life.open(passwords);
          await script.steps(60);
          // Before a key may go, nothing may be left under it.
          if (passwords.length > 1) {
            life.compact();
            await life.settle();
          }
          if (random.integer(3) === 0) life.kill();
          else await life.close();
        }
      };
      await cutEverywhere(context, { play }, random);
    },
  );
});

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

const PLAIN_OR_NOT = [
  ["plain", []],
  ["with a key", [A]],
] as const;

describe("a collection that lite-nosql left damaged", () => {
  const marks = ["in the snapshot", "in the journal"];
  const torn = "longer than what is appended ";
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

  it.for(KEYS)(
    "%s: opening it is cut off everywhere",
    { timeout: TIMEOUT_MS },
    async ([, keys], context) => {
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
      const story = { disk, ledger, every: LONG ? 1 : 4, nested: LONG ? NESTED : 1000, play };
      await cutEverywhere(context, story, seededRandom(SEED));
    },
  );
});

describe("a salt", () => {
  it(
    "is there after a power cut, though who made it was killed right then",
    { timeout: TIMEOUT_MS },
    async (context) => {
      const random = seededRandom(SEED);
      const moments: Moment[] = [];
      const disk = FaultDisk.with(DIRECTORY, {
        [JOURNAL]: '{"op":"insert", in the journal}\n',
        "sessions.quarantine.log": "kept by an earlier opening, without a key\n",
      });
      const life = new Life({ disk, time: START, moments });
      await life.open([A]);
      await life.close();
      const whileMaking = moments.filter(({ operation }) => operation.path.includes(".db.salt"));
      // Each is killed, and the one that opens next is cut off at each of its operations.
      const marks = ["in the journal", "kept by an earlier opening"];
      const parts = { marks, passwords: [A], every: EVERY, nested: 1 };
      const recovery = new Recovery({ random, ...parts });
      await recovery.cutAll(whileMaking);
      expectNoViolations(context, "power cuts", recovery.cuts, recovery.violations);
    },
  );
});

describe("a collection that lite-nosql left with increments", () => {
  const files = {
    [SNAPSHOT]: `{"version":3,"ts":1,"docs":[["a",${document("a", 1)}],["b",${document("b", 1)}]]}`,
    [JOURNAL]: increment("a", 4) + increment("b", 1) + increment("a", 2),
  };

  it.for(PLAIN_OR_NOT)(
    "%s: nothing is added twice, wherever opening it is cut off",
    { timeout: TIMEOUT_MS },
    async ([, keys], context) => {
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
        every: 1,
        nested: LONG ? NESTED : 1000,
        play,
      };
      await cutEverywhere(context, story, seededRandom(SEED));
    },
  );
});

describe("a compaction", () => {
  it.for(PLAIN_OR_NOT)(
    "%s: keeps what is written meanwhile, wherever it is cut off",
    { timeout: TIMEOUT_MS },
    async ([, keys], context) => {
      let meanwhile: (() => void) | null = null;
      // The sessions have been gathered by then: what is written now is in the journal only.
      const before = ({ kind, path }: Operation): void => {
        if (kind !== "write" || !path.endsWith(`${SNAPSHOT}.tmp`)) return;
        meanwhile?.();
        meanwhile = null;
      };
      const play = async (life: Life, script: Script): Promise<void> => {
        await life.open(keys);
        life.write(["a", "b", "c"].map((sid) => [sid, script.session()]));
        await life.settle();
        meanwhile = () => {
          life.write([
            ["a", script.session()],
            ["b", null],
            ["d", script.session()],
          ]);
        };
        life.compact();
        await life.settle();
        await life.close();
      };
      const story = { every: 1, nested: LONG ? NESTED : 1000, witness: { before }, play };
      await cutEverywhere(context, story, seededRandom(SEED));
    },
  );
});

describe("a collection that is not durable", () => {
  it("is a whole one wherever it is cut off", { timeout: TIMEOUT_MS }, async (context) => {
    const play = async (life: Life, script: Script): Promise<void> => {
      await life.open();
      await doEverything(life, script);
      await life.close();
      // What was closed is certain.
      await life.open();
      await life.close();
    };
    await cutEverywhere(
      context,
      { config: { durable: false }, every: LONG ? 1 : 4, play },
      seededRandom(SEED),
    );
  });
});
