/** Owns what closing an engine finishes, and what the next engine finds. */
import { expect } from "vitest";
import { type EngineBehavior, prolong, put, text } from "./behavior.js";

export function close({ it, open, start, can }: EngineBehavior): void {
  it("may be called again, meanwhile and later", async () => {
    const { engine } = await open();
    await Promise.all([engine.close(), engine.close()]);
    await engine.close();
  });

  it("comes after what was called before it", async () => {
    const { engine, later } = await open();
    const answers = [
      engine.write([put("a", 1, later), put("b", 1, later)]),
      engine.touch([["a", `{"path":"/"}`, later]]),
      engine.write([["b"]]),
      engine.get(["a", "b"]),
      engine.length(),
      engine.compact(),
      engine.ids(),
      engine.close(),
    ];
    const touched = [text(1), `{"path":"/"}`];
    expect(await Promise.all(answers)).toEqual([
      [0, 0],
      [true],
      [1],
      [touched, null],
      1,
      undefined,
      ["a"],
      undefined,
    ]);
  });

  if (!can.reopen) return;

  it("leaves to the next engine what was written, deleted and touched", async () => {
    const scene = await open();
    const { engine, later } = scene;
    await engine.write(["a", "b", "over", "kept"].map((sid) => put(sid, 1, later)));
    await engine.write([["b"]]);
    const end = await prolong(scene, "prolonged");
    await engine.touch([
      ["a", `{"path":"/"}`, later],
      ["over", null, end],
    ]);
    await Promise.all([engine.write([put("last", 1, later)]), engine.close()]);
    await scene.reopen();
    await scene.pass(end);
    expect(await scene.sessions("a", "b", "over", "kept", "prolonged", "last")).toEqual([
      { n: 1, cookie: { path: "/" } },
      null,
      null,
      { n: 1 },
      { n: 1 },
      { n: 1 },
    ]);
    expect(await scene.engine.length()).toBe(4);
  });

  it("leaves nothing to the next engine of what was cleared", async () => {
    const scene = await open();
    const { engine, later } = scene;
    await engine.write([put("a", 1, later), put("b", 1, later)]);
    await Promise.all([engine.clear(), engine.write([put("c", 1, later)])]);
    await scene.reopen();
    expect(await scene.engine.ids()).toEqual(["c"]);
  });

  if (start !== null) {
    it("comes after what was called before the engine was open", async () => {
      const scene = start();
      const { engine, later } = scene;
      await Promise.all([engine.write([put("a", 1, later)]), engine.close()]);
      await scene.reopen();
      expect(await scene.sessions("a")).toEqual([{ n: 1 }]);
    });
  }
}
