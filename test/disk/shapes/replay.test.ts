/**
 * Owns that replaying records over a state that has them changes nothing, and that what is written
 * about a conversion, cut off anywhere, is taken up again. `conversion.test.ts` has the conversions.
 */
import { describe, expect, it } from "vitest";
import type { Change } from "../../../src/worker/disk/documents/change.js";
import type { JsonObject } from "../../../src/worker/disk/documents/document.js";
import { type Random, SEED, seededRandom } from "../../support/random.js";
import {
  insert,
  recordsOf,
  replayed,
  snapshotOf,
  sorted,
  update,
  stepsOf,
} from "../../support/replayed.js";

const IDS = ["a", "b", "c"];

/** Another id: of the session alone, or one that another document or session has too. No cycles. */
function otherId(random: Random, id: string): string {
  return random.pick([...IDS.filter((other) => other > id), "x", `of ${id}`]);
}

function randomChange(random: Random, increments: boolean): Change {
  const id = random.pick(IDS);
  const n = random.integer(9);
  const kind = random.integer(increments ? 9 : 8);
  if (kind === 0) return { op: "delete", id, ts: 1 };
  if (kind === 1) return insert(id, { kept: n });
  if (kind === 2) return insert(id, { sess: { n }, sid: otherId(random, id), expiresAt: 5 });
  if (kind === 3) return insert(id, { sess: { n }, more: 1 });
  if (kind === 4) return insert(id, { sess: { cookie: {} }, expiresAt: n, createdAt: "then" });
  if (kind === 5) return insert(id, { sess: "opaque", cookie: { n }, expiresAt: n });
  if (kind === 8) return update(id, { inc: { "sess.n": 1, kept: 1 } });
  const set: JsonObject = random.pick<JsonObject>([
    { expiresAt: 5, "sess.cookie": { p: n } },
    { "sess.n": 5 },
    { sid: otherId(random, id) },
    { sess: random.pick([null, { n: 1 }, "text"]) },
  ]);
  return update(id, { set, unset: random.pick([[], ["more"], ["sid"]]) });
}

function randomChanges(random: Random, increments: boolean): Change[] {
  return Array.from({ length: 1 + random.integer(8) }, () => randomChange(random, increments));
}

function rounds(run: (random: Random, what: string) => void): void {
  const random = seededRandom(SEED);
  for (let round = 0; round < 1000; round++) run(random, `TEST_SEED=${SEED}, round ${round}`);
}

describe("replaying", () => {
  it("all records over a snapshot that has them changes nothing", () => {
    rounds((random, what) => {
      const changes = randomChanges(random, false);
      const first = replayed(changes);
      const again = replayed([...snapshotOf(first), ...changes, ...recordsOf(first)]);
      expect(sorted(again), `${what}: ${JSON.stringify(changes)}`).toEqual(sorted(first));
    });
  });

  it("any part of a step of a conversion behind the whole ones before comes to the same", () => {
    rounds((random, what) => {
      const changes = randomChanges(random, true);
      const first = replayed(changes);
      const written: Change[] = [];
      for (const [number, step] of stepsOf(first).entries()) {
        for (let cut = 0; cut < 8; cut++) {
          const part = step.filter(() => random.integer(2) === 0);
          const again = replayed([...changes, ...written, ...part]);
          const where = `${what}, step ${number}: ${JSON.stringify([changes, part])}`;
          expect(sorted(again), where).toEqual(sorted(first));
        }
        written.push(...step);
      }
    });
  });

  it("what was written about a conversion converts nothing a second time", () => {
    rounds((random, what) => {
      const changes = randomChanges(random, true);
      const first = replayed(changes);
      const { converted } = replayed([...changes, ...recordsOf(first)]);
      const again = [converted.steps, converted.dropped];
      expect(again, `${what}: ${JSON.stringify(changes)}`).toEqual([[], []]);
    });
  });

  it("increments over a snapshot that has them, with what was written about them, adds nothing", () => {
    rounds((random, what) => {
      const changes = randomChanges(random, true);
      const first = replayed(changes);
      const again = replayed([...snapshotOf(first), ...changes, ...recordsOf(first)]);
      expect(sorted(again), `${what}: ${JSON.stringify(changes)}`).toEqual(sorted(first));
    });
  });
});
