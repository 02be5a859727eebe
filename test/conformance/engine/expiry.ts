/** Owns when a session expires: to the millisecond, for every call. */
import { expect } from "vitest";
import { type EngineBehavior, put, type Scene } from "./behavior.js";

export function expiry({ it, open }: EngineBehavior): void {
  it("is met to the millisecond by every call that reads", async () => {
    const scene = await open();
    const { engine } = scene;
    const readings = [
      async () => (await engine.get(["a"]))[0] !== null,
      async () => (await engine.ids()).includes("a"),
      async () => (await engine.length()) === 1,
      async () => (await engine.stats()).sessions === 1,
    ];
    for (const isLive of readings) {
      const expiresAt = scene.now + 20;
      await engine.write([put("a", 1, expiresAt)]);
      await expectExpiry(scene, expiresAt, isLive);
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
 * moment between the call and its answer.
 */
async function expectExpiry(
  scene: Scene,
  expiresAt: number,
  isLive: () => Promise<boolean>,
): Promise<void> {
  for (;;) {
    const before = scene.now;
    const live = await isLive();
    const after = scene.now;
    if (!live) {
      expect(after, "expired too early").toBeGreaterThanOrEqual(expiresAt);
      return;
    }
    expect(before, "served too late").toBeLessThan(expiresAt);
    await scene.tick();
  }
}
