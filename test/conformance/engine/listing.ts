/** Owns what concerns all sessions: `length`, `ids`, `stats` and `clear`. */
import { expect } from "vitest";
import { type EngineBehavior, put, text } from "./behavior.js";

export function listing({ it, open, can }: EngineBehavior): void {
  it("tells of every live session, and of no other", async () => {
    const scene = await open();
    const { engine, now, later } = scene;
    expect(await engine.ids()).toEqual([]);
    const live = Array.from({ length: 100 }, (_, n) => `sid ${n}`).sort();
    await engine.write(live.map((sid) => put(sid, 1, later)));
    await engine.write([...live.map((sid) => put(sid, 2, later)), put("deleted", 1, later)]);
    await engine.write([put("over", 1, now + 5), ["deleted"]]);
    await scene.pass(now + 5);
    expect((await engine.ids()).sort()).toEqual(live);
    expect(await engine.length()).toBe(100);
    expect(await engine.stats()).toMatchObject({ sessions: 100 });
  });

  it("is emptied by clear, which answers how many sessions were live", async () => {
    const scene = await open();
    const { engine, now, later } = scene;
    expect(await engine.clear()).toBe(0);
    await engine.write([put("a", 1, later), put("b", 1, later), put("over", 1, now + 5)]);
    await scene.pass(now + 5);
    expect(await engine.clear()).toBe(2);
    expect(await engine.clear()).toBe(0);
    expect(await engine.get(["a", "b"])).toEqual([null, null]);
    expect(await engine.ids()).toEqual([]);
    expect(await engine.write([put("a", 2, later)])).toEqual([0]);
    expect(await engine.get(["a"])).toEqual([text(2)]);
  });

  it("has no limit in number", async () => {
    const { engine, later } = await open();
    await engine.write(Array.from({ length: 5_000 }, (_, n) => put(`sid ${n}`, n, later)));
    expect(await engine.length()).toBe(5_000);
    expect(await engine.clear()).toBe(5_000);
    expect(await engine.length()).toBe(0);
  });

  if (can.breakWrites) {
    it("stays as it was when clear fails", async () => {
      const scene = await open();
      const { engine, later } = scene;
      await engine.write([put("a", 1, later), put("b", 1, later)]);
      const mend = scene.breakWrites();
      const failure = await engine.clear().catch((error: unknown) => error);
      mend();
      expect(failure).toMatchObject({ name: "StoreError", code: "STORE_IO" });
      expect((await engine.ids()).sort()).toEqual(["a", "b"]);
      expect(await engine.clear()).toBe(2);
    });
  }
}
