/**
 * Owns which sessions an engine tells of because they have expired: each that it deletes for that,
 * once, and no other. A call that meets one has it deleted soon.
 */
import { describe, expect, it, onTestFinished } from "vitest";
import type { Engine, ExpiredSession, Write } from "../../src/protocol/contract.js";
import { diskStats, openWorld } from "../support/engine-world.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";
import { until } from "../support/until.js";
import { on, WatchedFiles } from "../support/watched-files.js";

const INTERVAL = 60_000;
const LIFE = 1000;

async function world(...encryptionKeys: string[]) {
  const clock = new ManualClock();
  const begin = clock.now();
  const disk = new WatchedFiles(new MemoryFiles());
  const expired: ExpiredSession[] = [];
  const config = { encryptionKeys, hasUsers: true, gcIntervalMs: INTERVAL };
  const open = (): Promise<Engine> =>
    openWorld("/data", { files: disk.files, clock, config, expired });
  let engine = await open();
  onTestFinished(() => {
    disk.recover();
    return engine.close();
  });
  return {
    clock,
    disk,
    expired,
    get engine() {
      return engine;
    },
    expiresAt: begin + LIFE,
    soon: (sid: string, user: string | null = null): Write => [
      sid,
      "{}",
      begin + LIFE,
      "put",
      user,
    ],
    /** Lets a collection come to its end. */
    collect: async (): Promise<void> => {
      const since = clock.now();
      await clock.advance(INTERVAL);
      await until(async () => ((await diskStats(engine)).gc?.at ?? 0) > since);
    },
    reopen: async (): Promise<void> => {
      await engine.close();
      engine = await open();
      await engine.watchExpired();
    },
  };
}

async function bytes(engine: Engine): Promise<number> {
  return (await diskStats(engine)).memory.bytes;
}

describe("a get that meets an expired session", () => {
  it("has it deleted before the next collection", async () => {
    const { engine, clock, soon } = await world();
    await engine.write([soon("a"), soon("b")]);
    const both = await bytes(engine);
    await clock.advance(LIFE);
    expect(await bytes(engine)).toBe(both);
    expect(await engine.get(["a"])).toEqual([null]);
    await until(async () => (await bytes(engine)) < both);
    expect(await engine.get(["b"])).toEqual([null]);
    await until(async () => (await bytes(engine)) === 0);
  });

  it("leaves it alone if it is stored again at once", async () => {
    const { engine, clock, disk, soon, expiresAt, expired } = await world();
    await engine.watchExpired();
    await engine.write([soon("a")]);
    await clock.advance(LIFE);
    const later: Write = ["a", `{"n":2}`, expiresAt + 10 * INTERVAL];
    const append = disk.hold(on("write", "wal.log"));
    const getting = engine.get(["a"]);
    const writing = engine.write([later]);
    expect(await getting).toEqual([null]);
    await until(() => append.waiting === 1);
    await clock.advance(1);
    append.release();
    await writing;
    await clock.advance(1);
    expect(await engine.get(["a"])).toEqual([`{"n":2}`]);
    expect(expired).toEqual([]);
  });

  it("leaves it to the next one if the deletion fails", async () => {
    const { engine, clock, disk, soon, expired, expiresAt, collect } = await world();
    await engine.watchExpired();
    await engine.write([soon("a", "ann")]);
    await clock.advance(LIFE);
    const mend = disk.fail(on("write", "wal.log"), "ENOSPC");
    await engine.get(["a"]);
    await until(async () => (await diskStats(engine)).commits.failed === 1);
    expect(expired).toEqual([]);
    mend();
    await collect();
    expect(expired).toEqual([{ id: "a", user: "ann", expiresAt }]);
  });
});

describe.each([
  ["plain", []],
  ["encrypted", ["a key of the test's own"]],
])("an expired session, %s,", (_, keys) => {
  it("is told of once, however it is come across", async () => {
    const scene = await world(...keys);
    const { clock, soon, expired, expiresAt, collect } = scene;
    await scene.engine.watchExpired();
    await scene.engine.write([soon("a", "ann"), soon("b")]);
    await clock.advance(LIFE - 1);
    await scene.engine.get(["a", "b"]);
    expect(expired).toEqual([]);
    await clock.advance(1);
    await Promise.all([scene.engine.get(["a"]), scene.engine.get(["a"])]);
    await until(() => expired.length > 0);
    expect(expired).toEqual([{ id: "a", user: "ann", expiresAt }]);
    await collect();
    await scene.reopen();
    await scene.engine.get(["a", "b"]);
    await collect();
    expect(expired.slice(1)).toEqual([{ id: "b", user: null, expiresAt }]);
  });

  it("is told of by the next engine, which read it from the files", async () => {
    const scene = await world(...keys);
    await scene.engine.write([scene.soon("a", "ann")]);
    await scene.reopen();
    await scene.clock.advance(LIFE);
    await scene.collect();
    expect(scene.expired).toEqual([{ id: "a", user: "ann", expiresAt: scene.expiresAt }]);
  });

  it("is not told of if it was destroyed, ended or cleared, or while nobody wants to know", async () => {
    const { engine, clock, soon, expired, collect } = await world(...keys);
    await engine.write([soon("nobody asked")]);
    await clock.advance(LIFE);
    await collect();
    await engine.watchExpired();
    const again = (sid: string, user: string | null = null): Write => [
      sid,
      "{}",
      clock.now() + LIFE,
      "put",
      user,
    ];
    await engine.write([again("cleared")]);
    await engine.clear();
    await engine.write([again("destroyed"), again("ended", "ann"), again("too late")]);
    await engine.write([["destroyed"]]);
    await engine.destroyAllOf("ann", null);
    await clock.advance(LIFE);
    await engine.write([["too late"]]);
    await collect();
    expect(expired).toEqual([]);
  });
});
