/** Owns when expired sessions go: all of them, only them, in batches, and never against a call. */
import { describe, expect, it } from "vitest";
import type { StoreError } from "../../src/protocol/errors.js";
import { Collection } from "../../src/worker/disk/documents/collection.js";
import { Committer } from "../../src/worker/disk/committer.js";
import { Executed } from "../../src/worker/disk/executed.js";
import type { PendingWrite } from "../../src/worker/disk/pending-write.js";
import { PendingWrites } from "../../src/worker/disk/pending-writes.js";
import { Journal } from "../../src/worker/disk/journal/journal.js";
import { Sweeper } from "../../src/worker/disk/sweeper.js";
import { UNLIMITED } from "../support/commit-scene.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";

async function scene(count: number) {
  const clock = new ManualClock();
  const collection = new Collection();
  const files = new MemoryFiles();
  const journal = new Journal("/journal", await files.open("/journal", "update"), 0);
  const nothing = (): void => undefined;
  const pending = new PendingWrites(collection, UNLIMITED);
  const committer = new Committer({
    collection,
    pending,
    journal,
    keyring: null,
    clock,
    isDurable: () => true,
    disk: { standing: null },
    maxPendingMs: 10_000,
    assertOwned: () => Promise.resolve(),
    executed: new Executed(clock),
    fence: null,
    makeRoom: () => Promise.resolve(false),
    onCommit: nothing,
    onDistrust: nothing,
    onTouchFailure: nothing,
  });
  for (let number = 0; number < count; number++) {
    const expiresAt = clock.now() + (number % 2 === 0 ? -1 : 1_000_000);
    collection.put(`s${number}`, { json: "{}", cookie: null, expiresAt });
  }
  const batches: number[] = [];
  const write = committer.write.bind(committer);
  committer.write = (writes: readonly PendingWrite[]) => {
    batches.push(writes.length);
    return write(writes);
  };
  const events: string[] = [];
  const expired: string[] = [];
  const reports: StoreError[] = [];
  const sweeper = new Sweeper({
    collection,
    pending,
    committer,
    clock,
    intervalMs: 1000,
    onSwept: () => events.push("swept"),
    isWatched: true,
    onExpired: (sessions) => expired.push(...sessions.map(({ id }) => id)),
    report: (error) => reports.push(error),
    log: nothing,
  });
  return {
    clock,
    collection,
    committer,
    files,
    sweeper,
    batches,
    events,
    expired,
    reports,
    journal,
  };
}

/** Waits for the pass that is under way. */
async function pass(
  { sweeper }: { sweeper: Sweeper },
  before: number | null = null,
): Promise<void> {
  for (let turns = 0; turns < 10_000; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (sweeper.last !== null && sweeper.last.at !== before) return;
  }
  throw new Error("no pass came to its end");
}

describe("a sweep", () => {
  it.each([0, 1, 2, 1023, 1024, 1025, 10_000])(
    "of %i sessions leaves the live ones",
    async (count) => {
      const world = await scene(count);
      world.sweeper.start();
      await pass(world);
      expect(world.collection.size).toBe(Math.floor(count / 2));
      for (const [, { expiresAt }] of world.collection.sessions()) {
        expect(expiresAt).toBeGreaterThan(world.clock.now());
      }
      expect(world.sweeper.last).toMatchObject({ removed: Math.ceil(count / 2) });
      expect(Math.max(0, ...world.batches)).toBeLessThanOrEqual(512);
      expect(world.events).toEqual(count === 0 ? [] : ["swept"]);
      const deletes = world.files.content("/journal").toString().split('"op":"delete"').length - 1;
      expect(deletes).toBe(Math.ceil(count / 2));
      await world.sweeper.stop();
    },
  );

  it("comes again after the interval, and not after it was stopped", async () => {
    const world = await scene(0);
    world.sweeper.start();
    await pass(world);
    const first = world.sweeper.last!.at;
    world.collection.put("x", {
      json: "{}",
      cookie: null,
      expiresAt: first + 500,
    });
    await world.clock.advance(1000);
    await pass(world, first);
    expect(world.collection.size).toBe(0);
    await world.sweeper.stop();
    expect(world.clock.pending).toBe(0);
  });

  it("leaves a session alone that a call is writing", async () => {
    const world = await scene(3);
    const live = world.clock.now() + 1_000_000;
    const session = { json: '{"new":1}', cookie: null, expiresAt: live };
    const writing = world.committer.write([{ sid: "s2", session }]);
    world.sweeper.start();
    await writing;
    await pass(world);
    expect([...world.collection.sessions()].map(([sid]) => sid)).toEqual(["s1", "s2"]);
    expect(world.sweeper.last).toMatchObject({ removed: 1 });
    await world.sweeper.stop();
    world.committer.stop();
  });

  it("that fails is reported, leaves all as it was, and the next one does it", async () => {
    const world = await scene(4);
    const commit = world.journal.commit.bind(world.journal);
    world.journal.commit = () => Promise.reject(new Error("the disk"));
    world.sweeper.start();
    await pass(world);
    expect(world.reports).toMatchObject([{ code: "STORE_IO" }]);
    expect(world.collection.size).toBe(4);
    world.journal.commit = commit;
    const first = world.sweeper.last!.at;
    await world.clock.advance(1000);
    await pass(world, first);
    expect(world.collection.size).toBe(2);
    await world.sweeper.stop();
  });

  it("that is stopped ends early", async () => {
    const world = await scene(20_000);
    world.sweeper.start();
    await world.sweeper.stop();
    expect(world.collection.size).toBeGreaterThan(10_000);
    expect(world.clock.pending).toBe(0);
  });
});
