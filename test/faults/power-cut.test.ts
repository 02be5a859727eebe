/**
 * Owns what a power cut may cost: collections whose disk forgets are cut off at every operation that
 * changes it, and must come back with all that was acknowledged. `power-cut-lite-nosql.test.ts` has
 * those that lite-nosql left.
 */
import { describe, it, vi } from "vitest";

import { FaultDisk } from "../support/power/fault-disk.js";
import { DIRECTORY, JOURNAL, Life, type Moment, SNAPSHOT } from "../support/power/life.js";
import { doEverything, type Script } from "../support/power/life-script.js";
import type { Operation } from "../support/power/operations.js";
import { Recovery } from "../support/power/recovery.js";
import {
  A,
  cutEverywhere,
  EVERY,
  KEYS,
  LONG,
  NESTED,
  PLAIN_OR_NOT,
  START,
  TIMEOUT_MS,
} from "../support/power/story.js";
import { seededRandom, SEED } from "../support/random.js";
import { expectNoViolations } from "../support/totals.js";

vi.mock("node:crypto", async (original) => {
  const { withFastPbkdf2 } = await import("../support/fast-pbkdf2.js");
  return withFastPbkdf2(await original());
});

const RANDOM_STORIES = LONG ? 10 : 3;

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

describe("a collection whose owner has guests", () => {
  it.for(PLAIN_OR_NOT)(
    "%s: keeps what was acknowledged to them, wherever it is cut off",
    { timeout: TIMEOUT_MS },
    async ([, keys], context) => {
      const play = async (life: Life, script: Script): Promise<void> => {
        await life.open(keys);
        await doEverything(life, script);
        life.kill();
        await life.open(keys);
        await script.steps(60);
        await life.close();
      };
      const story = { isShared: true, every: LONG ? 1 : 6, play };
      await cutEverywhere(context, story, seededRandom(SEED));
    },
  );
});
