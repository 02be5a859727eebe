/** Owns what is seen of sessions from outside, and what becomes of those that are moved there. */
import { expect } from "vitest";
import { type EngineBehavior, put, text } from "./behavior.js";

const COOKIE = `{"path":"/"}`;

export function moved({ it, open, can }: EngineBehavior): void {
  const named = (user: string): string | null => (can.nameUsers ? user : null);

  it("is seen with all that is stored of it", async () => {
    const { engine, now, later } = await open();
    await engine.write([["a", text(1), later, "put", "ann"], put("b", 2, later)]);
    await engine.touch([["b", COOKIE, later + 5]]);
    const [a, b, unknown] = await engine.inspect(["a", "b", "unknown"]);
    expect(a).toEqual([text(1), later, expect.any(Number), named("ann")]);
    expect(b).toEqual([[text(2), COOKIE], later + 5, expect.any(Number), null]);
    expect(a![2]).toBeGreaterThanOrEqual(now);
    expect(unknown).toBeNull();
  });

  it("is as it was in the other place", async () => {
    const { engine, now, later } = await open();
    const created = now - 5000;
    await engine.write([
      ["a", text(1), later, "moved", "ann", created],
      ["nobody's", text(2), later, "moved", null, created],
    ]);
    expect(await engine.inspect(["a", "nobody's"])).toEqual([
      [text(1), later, created, named("ann")],
      [text(2), later, created, null],
    ]);
    expect((await engine.sessionsOf("ann")).map(([sid]) => sid)).toEqual(["a"]);
  });

  it("replaces one that is there, cookie and time of creation too", async () => {
    const { engine, now, later } = await open();
    await engine.write([["a", text(1), later, "put", "ann"]]);
    await engine.touch([["a", COOKIE, later]]);
    const write = ["a", text(1), later, "moved", "bob", now - 7] as const;
    expect(await engine.write([write])).toEqual([1]);
    expect(await engine.write([write])).toEqual([1]);
    expect(await engine.inspect(["a"])).toEqual([[text(1), later, now - 7, named("bob")]]);
  });

  if (can.reopen) {
    it("is seen in the same way by the next engine", async () => {
      const scene = await open();
      const { engine, now, later } = scene;
      await engine.write([["a", text(1), later, "moved", "ann", now - 9]]);
      await engine.touch([["a", COOKIE, later]]);
      const before = await engine.inspect(["a"]);
      await scene.reopen();
      expect(await scene.engine.inspect(["a"])).toEqual([
        // Files have one cookie, where it was.
        [expect.anything(), ...before[0]!.slice(1)],
      ]);
    });
  }
}
