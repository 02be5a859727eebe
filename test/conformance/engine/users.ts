/** Owns the sessions of a user: which they are, in which order, and how they end. */
import { expect } from "vitest";
import type { Write } from "../../../src/protocol/contract.js";
import { type EngineBehavior, type Scene, text } from "./behavior.js";

async function storeAt(scene: Scene, sid: string, user: string | null): Promise<void> {
  await scene.engine.write([[sid, text(1), scene.later, "put", user]]);
  // Times of creation differ.
  const { now } = scene;
  await scene.pass(now + 1);
}

async function idsOf(scene: Scene, user: string): Promise<string[]> {
  return (await scene.engine.sessionsOf(user)).map(([sid]) => sid);
}

export function users({ it, open, can }: EngineBehavior): void {
  it("are found with their times, the newest first", async () => {
    const scene = await open();
    const { engine, now, later } = scene;
    await storeAt(scene, "first", "ann");
    await storeAt(scene, "bob's", "bob");
    await storeAt(scene, "second", "ann");
    await storeAt(scene, "nobody's", null);
    await engine.write([["first", text(2), later + 5, "update", "ann"]]);
    const found = await engine.sessionsOf("ann");
    expect(found.map(([sid, session]) => [sid, session])).toEqual([
      ["second", text(1)],
      ["first", text(2)],
    ]);
    for (const [sid, , createdAt, expiresAt] of found) {
      expect(createdAt).toBeGreaterThanOrEqual(now);
      expect(createdAt).toBeLessThanOrEqual(scene.now);
      if (sid === "first") expect(expiresAt).toBe(later + 5);
    }
    expect(await engine.sessionsOf("nobody")).toEqual([]);
  });

  it("are only those that live, and are the user's now", async () => {
    const scene = await open();
    const { engine, now, later } = scene;
    const mine = (sid: string, expiresAt = later): Write => [sid, text(1), expiresAt, "put", "ann"];
    await engine.write([mine("a"), mine("destroyed"), mine("expired", now + 5), mine("passed on")]);
    await engine.write([["destroyed"], ["passed on", text(1), later, "put", "bob"]]);
    await engine.touch([["a", `{"path":"/"}`, later]]);
    await scene.pass(now + 5);
    expect(await idsOf(scene, "ann")).toEqual(["a"]);
    expect(await idsOf(scene, "bob")).toEqual(["passed on"]);
    await engine.clear();
    expect(await idsOf(scene, "ann")).toEqual([]);
  });

  it("end at once, but for one, and no update brings them back", async () => {
    const scene = await open();
    const { engine, later } = scene;
    for (const sid of ["a", "b", "c"]) await storeAt(scene, sid, "ann");
    await storeAt(scene, "d", "bob");
    const [ended] = await Promise.all([
      engine.destroyAllOf("ann", "b"),
      engine.write([["a", text(2), later, "update", "ann"]]),
    ]);
    expect(ended).toBe(2);
    expect(await engine.get(["a", "b", "c", "d"])).toEqual([null, text(1), null, text(1)]);
    expect(await engine.destroyAllOf("ann", null)).toBe(1);
    expect(await engine.destroyAllOf("ann", null)).toBe(0);
    expect((await engine.ids()).sort()).toEqual(["d"]);
  });

  if (can.breakWrites) {
    it("are all there as before when ending them fails", async () => {
      const scene = await open();
      for (const sid of ["a", "b"]) await storeAt(scene, sid, "ann");
      const mend = scene.breakWrites();
      const failure = await scene.engine.destroyAllOf("ann", null).catch((error: unknown) => error);
      mend();
      expect(failure).toMatchObject({ name: "StoreError", code: "STORE_IO" });
      expect((await idsOf(scene, "ann")).sort()).toEqual(["a", "b"]);
    });
  }

  if (can.reopen) {
    it("are found by the next engine", async () => {
      const scene = await open();
      const odd = 'a "user", \\ and ü';
      await storeAt(scene, "first", odd);
      await storeAt(scene, "second", odd);
      const before = await scene.engine.sessionsOf(odd);
      await scene.reopen();
      expect(await scene.engine.sessionsOf(odd)).toEqual(before);
      await scene.engine.compact();
      await scene.reopen();
      expect(await scene.engine.sessionsOf(odd)).toEqual(before);
    });
  }
}
