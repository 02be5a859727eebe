/** Owns that a touch changes cookie and expiry of a live session, and nothing else. */
import { expect } from "vitest";
import { type EngineBehavior, prolong, put, text } from "./behavior.js";

const [ROOT, DEEP] = [`{"path":"/"}`, `{"path":"/deep"}`];

export function touch(behavior: EngineBehavior): void {
  cookies(behavior);
  expiry(behavior);
}

function cookies({ it, open }: EngineBehavior): void {
  it("replaces the cookie, and leaves the text as it is", async () => {
    const { engine, later } = await open();
    await engine.write([put("a", 1, later)]);
    expect(await engine.touch([["a", ROOT, later]])).toEqual([true]);
    expect(await engine.get(["a"])).toEqual([[text(1), ROOT]]);
    await engine.touch([["a", DEEP, later]]);
    expect(await engine.get(["a"])).toEqual([[text(1), DEEP]]);
  });

  it("keeps the cookie when it brings none", async () => {
    const { engine, later } = await open();
    await engine.write([put("a", 1, later), put("b", 1, later)]);
    await engine.touch([["a", ROOT, later]]);
    expect(
      await engine.touch([
        ["a", null, later],
        ["b", null, later],
      ]),
    ).toEqual([true, true]);
    expect(await engine.get(["a", "b"])).toEqual([[text(1), ROOT], text(1)]);
  });

  it("leaves the cookie of the last of several of one call", async () => {
    const { engine, later } = await open();
    await engine.write([put("a", 1, later)]);
    await engine.touch([
      ["a", ROOT, later],
      ["a", DEEP, later],
    ]);
    expect(await engine.get(["a"])).toEqual([[text(1), DEEP]]);
  });
}

function expiry({ it, open }: EngineBehavior): void {
  it("lets a session live longer", async () => {
    const scene = await open();
    await scene.pass(await prolong(scene, "a"));
    expect(await scene.engine.get(["a"])).toEqual([text(1)]);
  });

  it("lets a session end sooner", async () => {
    const scene = await open();
    const { engine, now, later } = scene;
    await engine.write([put("a", 1, later), put("b", 1, later)]);
    await engine.touch([
      ["a", null, now + 20],
      ["b", null, now - 1],
    ]);
    await scene.pass(now + 20);
    expect(await engine.get(["a", "b"])).toEqual([null, null]);
  });

  it("answers for each id in its place, false where no session lives", async () => {
    const scene = await open();
    const { engine, now, later } = scene;
    await engine.write([put("live", 1, later), put("deleted", 1, later), put("over", 1, now + 5)]);
    await engine.write([["deleted"]]);
    await scene.pass(now + 5);
    const sids = ["unknown", "live", "deleted", "over", "live"];
    expect(await engine.touch(sids.map((sid) => [sid, ROOT, later]))).toEqual([
      false,
      true,
      false,
      false,
      true,
    ]);
    expect(await engine.touch([])).toEqual([]);
  });

  it("makes no session, and brings none back", async () => {
    const scene = await open();
    const { engine, now, later } = scene;
    await engine.write([put("deleted", 1, later), put("over", 1, now + 5)]);
    await engine.write([["deleted"]]);
    await scene.pass(now + 5);
    const sids = ["unknown", "deleted", "over"];
    await engine.touch(sids.map((sid) => [sid, ROOT, later]));
    expect(await engine.get(sids)).toEqual([null, null, null]);
    expect(await engine.length()).toBe(0);
  });
}
