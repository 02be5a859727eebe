/** Owns what an update stores, which a request makes of a session that it had loaded. */
import { expect } from "vitest";
import { type EngineBehavior, put, text } from "./behavior.js";
import type { Write } from "../../../src/protocol/contract.js";

/** A session with a cookie, as JSON text. */
function withCookie(cookie: object, n: number): string {
  return JSON.stringify({ cookie, n });
}

export function update({ it, open, can }: EngineBehavior): void {
  it("stores where a live session is, and nowhere else", async () => {
    const scene = await open();
    const { engine, now, later } = scene;
    const update = (sid: string): Write => [sid, text(2), later, "update"];
    await engine.write([put("live", 1, later), put("gone", 1, later), put("expired", 1, now + 5)]);
    await engine.write([["gone"]]);
    await scene.pass(now + 5);
    const sids = ["live", "gone", "expired", "unknown"];
    expect(await engine.write(sids.map(update))).toEqual([1, 0, 0, 0]);
    expect(await engine.get(sids)).toEqual([text(2), null, null, null]);
    expect((await engine.stats()).refused).toBe(3);
  });

  it("brings nothing back that a call before it has deleted", async () => {
    const { engine, later } = await open();
    await engine.write([put("a", 1, later), put("b", 1, later), put("c", 1, later)]);
    await Promise.all([
      engine.write([["a"], ["a", text(2), later, "update"]]),
      engine.write([["b"]]),
      engine.write([["b", text(2), later, "update"]]),
      engine.clear(),
      engine.write([["c", text(2), later, "update"]]),
    ]);
    expect(await engine.get(["a", "b", "c"])).toEqual([null, null, null]);
    expect(await engine.length()).toBe(0);
  });

  it("stores what a call before it has put", async () => {
    const { engine, later } = await open();
    const outcomes = await Promise.all([
      engine.write([put("a", 1, later)]),
      engine.write([["a", text(2), later, "update"]]),
    ]);
    expect(outcomes).toEqual([[0], [1]]);
    expect(await engine.get(["a"])).toEqual([text(2)]);
  });

  it("of nothing but the cookie replaces that and moves the expiry", async () => {
    const scene = await open();
    const { engine, later } = scene;
    const cookie = { path: "/", text: 'a brace } and a quote "' };
    await engine.write([["a", withCookie({ path: "/" }, 1), later, "put", "ann"]]);
    const again: Write = ["a", withCookie(cookie, 1), later + 10, "update", "ann"];
    expect(await engine.write([again])).toEqual([1]);
    expect((await engine.sessionsOf("ann")).map(([, , , expiresAt]) => expiresAt)).toEqual([
      later + 10,
    ]);
    expect(await scene.sessions("a")).toEqual([{ cookie, n: 1 }]);
    await engine.write([["a", withCookie({}, 2), later, "update", "ann"]]);
    expect(await scene.sessions("a")).toEqual([{ cookie: {}, n: 2 }]);
    if (!can.reopen) return;
    await engine.write([["a", withCookie(cookie, 2), later, "update", "ann"]]);
    await scene.reopen();
    expect(await scene.sessions("a")).toEqual([{ cookie, n: 2 }]);
  });
}
