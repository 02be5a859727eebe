/**
 * Owns the sessions in memory: that counting them and finding the expired ones agrees with looking at
 * each, whatever was done to them, and that a walk meets each once.
 */
import { describe, expect, it } from "vitest";
import { Collection } from "../../../src/worker/disk/documents/collection.js";
import { ExpiryIndex } from "../../../src/worker/disk/documents/expiry-index.js";
import { type Random, SEED, seededRandom } from "../../support/random.js";

const NOW = Date.UTC(2030, 0, 1);
const MINUTE_MS = 60_000;

function session(expiresAt: number) {
  return { json: "{}", cookie: null, expiresAt };
}

/** Around now, to the millisecond and far away. */
function anyTime(random: Random): number {
  const range = random.pick([3, MINUTE_MS, 100 * MINUTE_MS]);
  return NOW + random.integer(2 * range) - range;
}

function change(collection: Collection, random: Random): void {
  const sid = `s${random.integer(300)}`;
  const kind = random.integer(4);
  if (kind === 0) collection.delete(sid);
  else if (kind === 1) collection.extend(sid, null, anyTime(random));
  else collection.put(sid, session(anyTime(random)));
}

describe("a collection", () => {
  it(`knows how many live and which have expired (TEST_SEED=${SEED})`, () => {
    const random = seededRandom(SEED);
    const collection = new Collection();
    for (let step = 0; step < 5000; step++) {
      change(collection, random);
      if (step % 50 !== 0) continue;
      const now = anyTime(random);
      const expired = [...collection.sessions()].filter(([, { expiresAt }]) => expiresAt <= now);
      const seen = `seed ${SEED}, step ${step}`;
      expect(collection.countLive(now), seen).toBe(collection.size - expired.length);
      expect([...collection.expired(now)].sort(), seen).toEqual(expired.map(([sid]) => sid).sort());
    }
    expect(collection.size).toBeGreaterThan(100);
  });

  it(`is walked through whatever is done to it meanwhile (TEST_SEED=${SEED})`, () => {
    const random = seededRandom(SEED);
    const collection = new Collection();
    for (let step = 0; step < 1000; step++) change(collection, random);
    const left = new Set([...collection.sessions()].map(([sid]) => sid));
    const met: string[] = [];
    for (const [sid] of collection.walk()) {
      met.push(sid);
      for (let step = 0; step < 5; step++) {
        change(collection, random);
        // One that is deleted and stored again need not be met.
        for (const known of left) if (collection.get(known) === undefined) left.delete(known);
      }
      if (met.length > 1000) break;
    }
    expect(new Set(met).size, `seed ${SEED}`).toBe(met.length);
    for (const sid of left) expect(met, `seed ${SEED}`).toContain(sid);
  });

  it("counts without looking at each session", () => {
    const index = new ExpiryIndex();
    for (let n = 0; n < 10_000; n++) index.add(`s${n}`, NOW + n * MINUTE_MS);
    const asked: string[] = [];
    const count = index.countExpired(NOW + 5000 * MINUTE_MS, (sid) => asked.push(sid) > 0);
    expect(count).toBe(5001);
    expect(asked).toEqual(["s5000"]);
  });
});
