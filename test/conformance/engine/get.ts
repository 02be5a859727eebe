/** Owns what an engine answers to `get`. */
import { expect } from "vitest";
import { SHAPES, STRANGE_SIDS } from "../../support/session-values.js";
import { type EngineBehavior, put, text } from "./behavior.js";

export function get({ it, open }: EngineBehavior): void {
  it("answers for each id in its place, null where there is no session", async () => {
    const { engine, later } = await open();
    await engine.write([put("a", 1, later), put("b", 2, later)]);
    expect(await engine.get(["a", "unknown", "b", "a"])).toEqual([text(1), null, text(2), text(1)]);
    expect(await engine.get([])).toEqual([]);
  });

  it("answers the text that was written", async () => {
    const { engine, later } = await open();
    const texts = [...Object.values(SHAPES), '"a text of a serializer"'];
    await engine.write(texts.map((json, n) => [`sid ${n}`, json, later]));
    expect(await engine.get(texts.map((_, n) => `sid ${n}`))).toEqual(texts);
  });

  it("takes any string as an id", async () => {
    const { engine, later } = await open();
    expect(await engine.get(STRANGE_SIDS)).toEqual(STRANGE_SIDS.map(() => null));
    await engine.write(STRANGE_SIDS.map((sid, n) => put(sid, n, later)));
    expect(await engine.get(STRANGE_SIDS)).toEqual(STRANGE_SIDS.map((_, n) => text(n)));
    expect((await engine.ids()).sort()).toEqual([...STRANGE_SIDS].sort());
  });
}
