/**
 * Owns what kill -9 may cost processes that share a collection, and read, modify and write the same
 * sessions: each time the owner or a guest is killed, the others go on as if there were one memory.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { StoreOptions } from "express-session-isolate";
import { describe, it } from "vitest";
import { seededRandom, SEED } from "../support/random.js";
import { Sharers } from "../support/sharers.js";
import { tempDirectory } from "../support/temp-dir.js";
import { expectNoViolations } from "../support/totals.js";
import { until } from "../support/until.js";

const LONG = process.env["FAULTS"] === "long";
const ROUNDS = LONG ? 200 : 3;
const SIDS = 4;

describe.for<[string, Partial<StoreOptions>]>([
  ["plain", {}],
  ["encrypted", { encryptionKey: "a password of some length" }],
])("processes that share a collection, %s,", ([, given]) => {
  it(
    `are one memory when they are killed, ${ROUNDS} times`,
    { timeout: 3_600_000 },
    async (context) => {
      const random = seededRandom(SEED);
      const options = { directory: tempDirectory(), share: true, walLimit: 20_000, ...given };
      const sharers = new Sharers(options, SIDS);
      const violations: string[] = [];
      let answered = 0;
      for (let round = 0; round < ROUNDS; round++) {
        while (sharers.members.length < 3) {
          await sharers.add({ isolate: random.integer(4) > 0 });
        }
        const owner = await sharers.owner();
        const victim = random.integer(5) === 0 ? random.pick(sharers.members) : owner;
        sharers.run();
        const goal = victim.answered + random.integer(300);
        await until(() => victim.answered >= goal);
        for (let turns = random.integer(300); turns > 0; turns--) await turn();
        await victim.kill("SIGKILL");
        const others = sharers.members.filter((member) => member !== victim);
        const before = others.map((member) => member.answered);
        await until(() => others.every((member, index) => member.answered > before[index]! + 10));
        await sharers.rest();
        answered += sharers.members.reduce((sum, member) => sum + member.answered, 0);
        const wrong = await sharers.compare();
        violations.push(...wrong.map((what) => `round ${round}: ${what}`));
      }
      if (answered === 0) violations.push("nothing was ever answered");
      expectNoViolations(context, "kills of sharers", ROUNDS, violations);
    },
  );
});
