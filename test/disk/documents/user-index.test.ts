/** Owns that the index of users agrees with looking at each session, whatever was done before. */
import { describe, expect, it } from "vitest";
import { Collection } from "../../../src/worker/disk/documents/collection.js";
import type { SessionDocument } from "../../../src/worker/disk/documents/document.js";
import { type Random, SEED, seededRandom } from "../../support/random.js";

const USERS = ["ann", "annabel", "bob"];

function change(collection: Collection, random: Random): void {
  // Some ids are parts of others.
  const sid = `s${random.integer(120)}`;
  if (random.integer(3) === 0) collection.delete(sid);
  else collection.put(sid, session(random));
}

function session(random: Random): SessionDocument {
  const user = random.integer(4) === 0 ? undefined : random.pick(USERS);
  return { json: "{}", cookie: null, expiresAt: 1, user };
}

function expectAgreement(collection: Collection, where: string): void {
  for (const user of [...USERS, "nobody"]) {
    const theirs = [...collection.sessions()].filter(([, session]) => session.user === user);
    const ids = collection.idsOf(user);
    expect([...ids].sort(), where).toEqual(theirs.map(([sid]) => sid).sort());
  }
}

describe("the index of users", () => {
  it(`agrees with the sessions, before, while and after it is made (TEST_SEED=${SEED})`, () => {
    const random = seededRandom(SEED);
    const collection = new Collection();
    for (let step = 0; step < 200; step++) change(collection, random);
    expectAgreement(collection, `seed ${SEED}, before`);
    let step = 0;
    for (const _ of collection.indexUsers()) {
      change(collection, random);
      expectAgreement(collection, `seed ${SEED}, step ${++step} while`);
    }
    expect(step).toBeGreaterThan(20);
    for (step = 0; step < 1000; step++) {
      change(collection, random);
      if (step % 20 === 0) expectAgreement(collection, `seed ${SEED}, step ${step} after`);
    }
  });
});
