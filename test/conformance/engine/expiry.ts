/** Owns when a session expires: to the millisecond, for every call. */
import { expect } from "vitest";
import { type EngineBehavior, put, type Scene } from "./behavior.js";

export function expiry({ it, open, can }: EngineBehavior): void {
  it("is met to the millisecond by every call that reads", async () => {
    const scene = await open();
    const { engine } = scene;
    const listed = can.listExactly ? 0 : 1;
    const readings: [() => Promise<boolean>, number][] = [
      [async () => (await engine.get(["a"]))[0] !== null, 0],
      [async () => (await engine.ids()).includes("a"), listed],
      [async () => (await engine.length()) === 1, listed],
      [async () => (await engine.stats()).sessions === 1, listed],
    ];
    for (const [isLive, longer] of readings) {
      const expiresAt = scene.now + 20;
      await engine.write([put("a", 1, expiresAt)]);
      await expectExpiry(scene, expiresAt, isLive, longer);
    }
  });

  it("is met to the millisecond by what a write answers", async () => {
    const scene = await open();
    const { engine } = scene;
    const expiresAt = scene.now + 20;
    await engine.write([put("a", 1, expiresAt)]);
    await expectExpiry(scene, expiresAt, async () => {
      const [replaced] = await engine.write([put("a", 1, expiresAt)]);
      return replaced === 1;
    });
  });

  it("is met to the millisecond when a touch has moved it", async () => {
    const scene = await open();
    const { engine, later } = scene;
    await engine.write([put("a", 1, later)]);
    const expiresAt = scene.now + 20;
    await engine.touch([["a", null, expiresAt]]);
    await expectExpiry(scene, expiresAt, async () => (await engine.get(["a"]))[0] !== null);
  });
}

/**
 * Watches a session until it has expired, which must be at `expiresAt`. The engine judges at some
 * moment between the call and its answer. `longer`: for how many milliseconds after that it may tell
 * of the session.
 */
async function expectExpiry(
  scene: Scene,
  expiresAt: number,
  isLive: () => Promise<boolean>,
  longer = 0,
): Promise<void> {
  for (;;) {
    const before = scene.now;
    const live = await isLive();
    const after = scene.now;
    if (!live) {
      expect(after, "expired too early").toBeGreaterThanOrEqual(expiresAt);
      return;
    }
    expect(before, "served too late").toBeLessThan(expiresAt + longer);
    await scene.tick();
  }
}
