/**
 * Owns the size of the messages by which calls travel: what is large is sent in parts, a part in each
 * turn of the event loop, and in order.
 */
import { describe, expect, it } from "vitest";
import { Batcher } from "../../src/main/batch.js";
import type { Engine, Touch, Write } from "../../src/protocol/contract.js";
import { until } from "../support/until.js";

const MEBIBYTE = 1024 * 1024;
const LATER = Date.UTC(2100, 0, 1);

type Sent = readonly [method: string, sids: readonly string[], bytes: number, turn: number];

/** A batcher over an engine that notes what it is sent, and in which turn. */
function scene() {
  const sent: Sent[] = [];
  let turns = 0;
  let timer = setImmediate(function count() {
    turns++;
    timer = setImmediate(count);
  });
  const note = (method: string, items: readonly (string | Touch | Write)[]): void => {
    const sids = items.map((item) => (typeof item === "string" ? item : item[0]));
    sent.push([method, sids, JSON.stringify(items).length, turns]);
  };
  const engine: Pick<Engine, "get" | "touch" | "write"> = {
    get: (sids) => (note("get", sids), Promise.resolve(sids.map(() => null))),
    touch: (touches) => (note("touch", touches), Promise.resolve(touches.map(() => true))),
    write: (writes) => (note("write", writes), Promise.resolve(writes.map((_, index) => index))),
  };
  const end = (): void => {
    clearImmediate(timer);
  };
  return { batch: new Batcher(engine, 1e9), sent, end };
}

function put(sid: string, chars = 100 * 1024): Write {
  return [sid, JSON.stringify("x".repeat(chars)), LATER];
}

const SIDS = Array.from({ length: 100 }, (_, n) => `sid ${n}`);

describe("a message", () => {
  it.each([
    ["write", 100, (batch: Batcher, sid: string) => batch.write(put(sid))],
    ["get", 50_000, (batch: Batcher, sid: string) => batch.get(sid)],
    ["touch", 50_000, (batch: Batcher, sid: string) => batch.touch([sid, "{}".padEnd(200), LATER])],
  ])("of %s calls is bounded, and each has a turn of its own", async (method, count, call) => {
    const { batch, sent, end } = scene();
    const sids = Array.from({ length: count }, (_, n) => `sid ${n}`);
    await Promise.all(sids.map((sid) => call(batch, sid)));
    end();
    expect(sent.length).toBeGreaterThan(1);
    expect(sent.flatMap(([, ids]) => ids)).toEqual(sids);
    for (const [sentMethod, , bytes] of sent) {
      expect(sentMethod).toBe(method);
      expect(bytes).toBeLessThan(4 * MEBIBYTE);
    }
    // Some gets go ahead in small messages.
    const ahead = method === "get" ? sent.splice(0, 4) : [];
    for (const [, ids] of ahead) expect(ids).toHaveLength(32);
    expect(sent.length).toBeGreaterThan(1);
    expect(new Set(sent.map(([, , , sentIn]) => sentIn)).size).toBe(sent.length);
  });

  it("has a call that is larger than the bound, alone", async () => {
    const { batch, sent, end } = scene();
    const large = put("large", 5 * MEBIBYTE);
    await Promise.all([batch.write(put("a")), batch.write(large), batch.write(put("b"))]);
    end();
    expect(sent.map(([, sids]) => sids)).toEqual([["a"], ["large"], ["b"]]);
  });

  it("carries all small calls of a tick", async () => {
    const { batch, sent, end } = scene();
    await Promise.all(SIDS.map((sid) => batch.write(put(sid, 1000))));
    end();
    expect(sent.map(([, sids]) => sids)).toEqual([SIDS]);
  });

  it("lets those of other kinds in between", async () => {
    const { batch, sent, end } = scene();
    const writes = SIDS.map((sid) => batch.write(put(sid)));
    await until(() => sent.length > 0);
    await batch.get("another");
    const methods = sent.map(([method]) => method);
    expect(methods.indexOf("get")).toBeLessThan(5);
    await Promise.all(writes);
    end();
  });

  it("is not overtaken by a later call for a session in it", async () => {
    const { batch, sent, end } = scene();
    const writes = SIDS.map((sid) => batch.write(put(sid)));
    await until(() => sent.length > 0);
    await Promise.all([batch.get("sid 99"), batch.touch(["sid 98", null, LATER])]);
    await Promise.all(writes);
    end();
    const methods = sent.map(([method]) => method);
    expect(methods.slice(-2).sort()).toEqual(["get", "touch"]);
    expect(methods.slice(0, -2)).toEqual(Array(sent.length - 2).fill("write"));
    expect(sent.flatMap(([method, sids]) => (method === "write" ? sids : []))).toEqual(SIDS);
  });

  it("is sent at once, with all that is behind it, where a call concerns all sessions", () => {
    const { batch, sent, end } = scene();
    for (const sid of SIDS) void batch.write(put(sid));
    batch.flush();
    end();
    expect(sent.flatMap(([, sids]) => sids)).toEqual(SIDS);
    expect(sent.length).toBeGreaterThan(3);
  });
});
