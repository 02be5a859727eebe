/** Owns what `write` stores and deletes, and what it answers. */
import { expect } from "vitest";
import { type EngineBehavior, put, text } from "./behavior.js";

export function write({ it, open, can }: EngineBehavior): void {
  it("answers whether there was a live session to replace or delete", async () => {
    const { engine, later } = await open();
    expect(await engine.write([put("a", 1, later), ["b"]])).toEqual([0, 0]);
    expect(await engine.write([put("a", 2, later), put("b", 1, later)])).toEqual([1, 0]);
    expect(await engine.write([["a"], ["b"], ["unknown"]])).toEqual([1, 1, 0]);
    expect(await engine.write([["a"]])).toEqual([0]);
    expect(await engine.write([])).toEqual([]);
  });

  it("applies several writes of one id one after the other", async () => {
    const { engine, later } = await open();
    const writes = [put("a", 1, later), put("a", 2, later), ["a"], ["a"], put("a", 3, later)];
    expect(await engine.write(writes as Parameters<typeof engine.write>[0])).toEqual([
      0, 1, 1, 0, 0,
    ]);
    expect(await engine.get(["a"])).toEqual([text(3)]);
  });

  it("replaces text, cookie and expiry", async () => {
    const scene = await open();
    const { engine, now, later } = scene;
    await engine.write([put("a", 1, now + 20)]);
    await engine.touch([["a", `{"path":"/"}`, now + 20]]);
    await engine.write([put("a", 2, later)]);
    await scene.pass(now + 20);
    expect(await engine.get(["a"])).toEqual([text(2)]);
  });

  it("does not take an expired session for a live one", async () => {
    const scene = await open();
    const { engine, now, later } = scene;
    await engine.write([put("a", 1, now + 5), put("b", 1, now + 5)]);
    await scene.pass(now + 5);
    expect(await engine.write([put("a", 2, later), ["b"]])).toEqual([0, 0]);
  });

  it("leaves nothing of a session that has expired already", async () => {
    const { engine, now, later } = await open();
    await engine.write([put("a", 1, later)]);
    await engine.write([put("a", 2, now - 1), put("b", 1, now)]);
    expect(await engine.get(["a", "b"])).toEqual([null, null]);
    expect(await engine.length()).toBe(0);
  });

  if (can.breakWrites) {
    it("answers an error as a value, and leaves what was there before", async () => {
      const scene = await open();
      const { engine, later } = scene;
      await engine.write([put("a", 1, later), put("b", 1, later)]);
      const mend = scene.breakWrites();
      const outcomes = await engine.write([put("a", 2, later), ["b"], put("c", 2, later)]);
      mend();
      expect(outcomes).toMatchObject(outcomes.map(() => ({ code: "STORE_IO" })));
      expect(outcomes).toEqual(structuredClone(outcomes));
      expect(outcomes.some((outcome) => outcome instanceof Error)).toBe(false);
      expect(outcomes).toHaveLength(3);
      expect(await engine.get(["a", "b", "c"])).toEqual([text(1), text(1), null]);
    });

    it("succeeds again when what made it fail is over", async () => {
      const scene = await open();
      const { engine, later } = scene;
      const mend = scene.breakWrites();
      await engine.write([put("a", 1, later)]);
      mend();
      expect(await engine.write([put("a", 2, later)])).toEqual([0]);
      expect(await engine.get(["a"])).toEqual([text(2)]);
    });
  }
}
