/** Owns how all sessions are moved in the background: one that fails, and what is reported of it. */
import { describe, expect, it, onTestFinished } from "vitest";
import { StoreError } from "../../src/protocol/errors.js";
import { Walk } from "../../src/worker/move/walk.js";
import { ManualClock } from "../support/manual-clock.js";
import { until } from "../support/until.js";

/** A walk over sessions of which those in `stuck` cannot be moved, or over none that can be listed. */
function walkOver(sids: readonly string[], { isAway = false } = {}) {
  const clock = new ManualClock();
  const scene = {
    left: new Set(sids),
    stuck: new Set<string>(),
    isAway,
    reports: [] as StoreError[],
    finished: 0,
    passes: 0,
    /** Lets the pauses pass until there is an answer. */
    until: (answer: () => boolean) =>
      until(async () => {
        await clock.advance(1_000);
        return answer();
      }),
  };
  const walk = new Walk({
    source: {
      pages: async (page) => {
        scene.passes++;
        if (scene.isAway) throw new StoreError("STORE_UNREACHABLE", "it is away");
        // In pages of one, as of a server with many other keys.
        for (const sid of [...scene.left]) await page([sid]);
      },
    },
    clock,
    move: (sid) => {
      if (scene.stuck.has(sid)) return Promise.reject(new StoreError("STORE_IO", "it is stuck"));
      scene.left.delete(sid);
      return Promise.resolve();
    },
    onItsWayMs: 5_000,
    finish: () => {
      scene.finished++;
      return Promise.resolve();
    },
    report: (error) => scene.reports.push(error),
    log: () => undefined,
  });
  onTestFinished(() => {
    walk.stop();
  });
  return Object.assign(scene, { walk, clock });
}

const codes = (reports: readonly StoreError[]): string[] => reports.map(({ code }) => code);

describe("the walk", () => {
  it("is finished a while after none is left", async () => {
    const scene = walkOver(["a", "b"]);
    scene.walk.start();
    await until(() => scene.left.size === 0 && scene.passes === 2);
    await scene.clock.advance(4_000);
    expect(scene.finished).toBe(0);
    await scene.until(() => scene.finished > 0);
    expect(scene.reports).toEqual([]);
  });

  it("moves the others where one cannot be moved, says so once, and tries it again", async () => {
    const scene = walkOver(["a", "b", "c"]);
    scene.stuck.add("a");
    scene.walk.start();
    await scene.until(() => scene.passes > 5);
    expect([...scene.left]).toEqual(["a"]);
    expect(codes(scene.reports)).toEqual(["STORE_IO"]);
    expect(scene.finished).toBe(0);
    scene.stuck.clear();
    await scene.until(() => scene.finished === 1);
    expect(scene.left.size).toBe(0);
  });

  it("ends a look where all fail", async () => {
    const sids = Array.from({ length: 1_000 }, (_, n) => String(n));
    const scene = walkOver(sids);
    for (const sid of sids.slice(0, 200)) scene.stuck.add(sid);
    scene.walk.start();
    await until(() => scene.reports.length > 0);
    expect(scene.left.size).toBe(1_000);
  });

  it("says no more of what stops it until it has gone on", async () => {
    const scene = walkOver(["a"], { isAway: true });
    scene.walk.start();
    await scene.until(() => scene.passes > 3);
    expect(codes(scene.reports)).toEqual(["STORE_UNREACHABLE"]);
    scene.stuck.add("a");
    scene.isAway = false;
    await scene.until(() => scene.passes > 6);
    expect(codes(scene.reports)).toEqual(["STORE_UNREACHABLE"]);
    scene.stuck.clear();
    await scene.until(() => scene.finished === 1);
  });

  it("stops", async () => {
    const scene = walkOver(["a"], { isAway: true });
    scene.walk.start();
    await scene.until(() => scene.passes > 1);
    scene.walk.stop();
    const { passes } = scene;
    for (let second = 0; second < 10; second++) await scene.clock.advance(1_000);
    expect(scene.passes).toBe(passes);
  });
});
