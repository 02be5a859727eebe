/** Owns that `compact` changes nothing that can be seen. */
import { expect } from "vitest";
import { type EngineBehavior, put, text } from "./behavior.js";

export function compact({ it, open, can }: EngineBehavior): void {
  it("changes no session, not even one that is written meanwhile", async () => {
    const { engine, later } = await open();
    await engine.write([put("a", 1, later), put("b", 1, later), put("c", 1, later)]);
    await engine.touch([["a", `{"path":"/"}`, later]]);
    const [, outcomes] = await Promise.all([
      engine.compact(),
      engine.write([put("b", 2, later), ["c"], put("d", 2, later)]),
      engine.compact(),
    ]);
    expect(outcomes).toEqual([1, 1, 0]);
    expect(await engine.get(["a", "b", "c", "d"])).toEqual([
      [text(1), `{"path":"/"}`],
      text(2),
      null,
      text(2),
    ]);
  });

  it("may be called where there is nothing", async () => {
    const { engine } = await open();
    await engine.compact();
    await engine.compact();
    expect(await engine.length()).toBe(0);
  });

  if (can.reopen) {
    it("loses nothing that the next engine should find", async () => {
      const scene = await open();
      const { engine, later } = scene;
      await engine.write([put("a", 1, later), put("b", 1, later)]);
      await engine.touch([["a", `{"path":"/"}`, later]]);
      await engine.compact();
      await engine.write([put("c", 1, later), ["b"]]);
      await scene.reopen();
      expect(await scene.sessions("a", "b", "c")).toEqual([
        { n: 1, cookie: { path: "/" } },
        null,
        { n: 1 },
      ]);
    });
  }
}
