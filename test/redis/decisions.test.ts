/** Owns what is decided on the server where several processes write the same sessions. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { REFUSED, SCRIPTS } from "../../src/worker/redis/scripts.js";
import { openRedis, redisConfig } from "../support/redis/engines.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { until, untilPast } from "../support/until.js";

const FAR = Date.UTC(2100, 0, 1);
const DAY_MS = 86_400_000;

describe.skipIf(!HAS_SERVER)("the server decides", () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start();
  });
  afterAll(() => server.stop());

  const store = (key: string, number: number, json: string): string =>
    server.cli(
      ...["EVAL", SCRIPTS.store, "1", key, "put", json, String(FAR), "0", "process."],
      ...[String(number), String(FAR), ""],
    );

  it("that an older write of the same process, come late, changes nothing", () => {
    store("late:s:a", 7, "new");
    store("late:s:a", 6, "old");
    expect(server.cli("HGET", "late:s:a", "d")).toBe("new");
    store("late:s:a", 8, "newer");
    expect(server.cli("HGET", "late:s:a", "d")).toBe("newer");
  });

  it("that a destroyed session stays destroyed, whichever process updates or touches it", async () => {
    const config = redisConfig({ addresses: [server.address] });
    const [one, other] = [await openRedis(config), await openRedis(config)];
    await one.write([["a", "{}", FAR]]);
    await other.write([["a"]]);
    expect(await one.write([["a", "{}", FAR, "update"]])).toEqual([0]);
    expect(await one.touch([["a", "{}", FAR]])).toEqual([false]);
    expect(await one.get(["a"])).toEqual([null]);
    expect((await one.stats()).refused).toBe(1);
  });

  it("that no life is longer than absoluteTtl, not even one that began without it", async () => {
    const config = redisConfig({ addresses: [server.address] });
    const free = await openRedis(config);
    await free.write([
      ["old", "{}", FAR],
      ["young", "{}", FAR],
    ]);
    const key = (sid: string): string => `${config.redis.prefix}s:${sid}`;
    server.cli("HINCRBY", key("old"), "t", String(-2 * DAY_MS));
    const limited = await openRedis({ ...config, absoluteTtlMs: DAY_MS });
    expect(await limited.get(["old", "young"])).toEqual([null, "{}"]);
    expect(await limited.ids()).toEqual(["young"]);
    expect(await limited.touch([["old", null, FAR]])).toEqual([false]);
    expect(await limited.write([["old", "{}", FAR, "update"]])).toEqual([0]);
    await limited.touch([["young", null, FAR]]);
    const left = Number(server.cli("PTTL", key("young")));
    expect(left).toBeLessThanOrEqual(DAY_MS);
    expect(left).toBeGreaterThan(DAY_MS / 2);
  });

  it("that the key of a session is there until the millisecond of its end is over", async () => {
    const config = redisConfig({ addresses: [server.address] });
    const engine = await openRedis(config);
    const end = Date.now() + 500;
    await engine.write([
      ["stored", "{}", end],
      ["touched", "{}", FAR],
    ]);
    await engine.touch([["touched", null, end]]);
    for (const sid of ["stored", "touched"]) {
      expect(Number(server.cli("PEXPIRETIME", `${config.redis.prefix}s:${sid}`))).toBe(end);
    }
  });

  it("that a session lives no longer in the millisecond of its end, in which its key is there", () => {
    const seconds = 4_000_000_000;
    const now = seconds * 1000;
    /** Calls a script for a session that has so many milliseconds left. */
    const call = (script: string, left: number, ...args: (string | number)[]): number => {
      server.cli("DEL", "ends:s:a");
      server.cli("HSET", "ends:s:a", "d", "{}", "e", String(now + left), "w", "process.1");
      const atThatMoment = `local real = redis
        local redis = { call = function(name, ...)
          if name == 'TIME' then return {'${seconds}', '0'} end
          return real.call(name, ...)
        end }
        ${script}`;
      return Number(server.cli("EVAL", atThatMoment, "1", "ends:s:a", ...args.map(String)));
    };
    const answers = [0, 1].map((left) => ({
      put: call(SCRIPTS.store, left, "put", "{}", FAR, 0, "other.", 1, now, ""),
      update: call(SCRIPTS.store, left, "update", "{}", FAR, 0, "other.", 1, now, ""),
      touch: call(SCRIPTS.touch, left, "", FAR, 0, now, "", ""),
      destroy: call(SCRIPTS.destroy, left, now, 0, "", ""),
      adopt: call(SCRIPTS.adopt, left, "{}", "", FAR, "", 0, "other.1", now, "", "", ""),
    }));
    expect(answers).toEqual([
      { put: 0, update: REFUSED, touch: 0, destroy: 0, adopt: 0 },
      { put: 1, update: 1, touch: 1, destroy: 1, adopt: 1 },
    ]);
  });

  it.each([
    ["between two milliseconds", FAR + 0.5, FAR + 1],
    ["later than any date", 1e300, 8.64e15],
  ])("when the key of a session expires that ends %s", async (_, given, end) => {
    const config = redisConfig({ addresses: [server.address] });
    const engine = await openRedis(config);
    const writes = [
      ["stored", "{}", given],
      ["ann's", "{}", given, "put", "ann"],
      ["touched", "{}", FAR],
    ] as const;
    expect(await engine.write(writes)).toEqual([0, 0, 0]);
    expect(await engine.touch([["touched", null, given]])).toEqual([true]);
    for (const [sid] of writes) {
      expect(Number(server.cli("PEXPIRETIME", `${config.redis.prefix}s:${sid}`))).toBe(end);
    }
  });

  it("that keys expire by themselves, sessions and lists of users alike", async () => {
    const config = redisConfig({ addresses: [server.address] });
    const engine = await openRedis(config);
    const { prefix } = config.redis;
    const soon = Date.now() + 30;
    await engine.write([["a", "{}", soon, "put", "ann"]]);
    const listed = Number(server.cli("PTTL", `${prefix}u:=ann`));
    expect(listed).toBeGreaterThan(DAY_MS / 2);
    expect(listed).toBeLessThanOrEqual(DAY_MS + 30);
    await untilPast(soon);
    await until(() => server.cli("EXISTS", `${prefix}s:a`) === "0");
  });

  it("that a list is told of long lives, and forgets what was destroyed", async () => {
    const config = redisConfig({ addresses: [server.address] });
    const engine = await openRedis(config);
    const list = `${config.redis.prefix}u:=ann`;
    await engine.write([["a", "{}", Date.now() + DAY_MS, "put", "ann"]]);
    await engine.touch([["a", null, Date.now() + 10 * DAY_MS]]);
    expect(Number(server.cli("PTTL", list))).toBeGreaterThan(10 * DAY_MS);
    await engine.write([["b", "{}", Date.now() + DAY_MS, "put", "ann"]]);
    await engine.write([["b"]]);
    await until(() => server.cli("ZCARD", list) === "1");
    expect((await engine.sessionsOf("ann")).map(([sid]) => sid)).toEqual(["a"]);
  });

  it("what a session is that a listed one has become", async () => {
    const config = redisConfig({ addresses: [server.address] });
    const [one, other] = [await openRedis(config), await openRedis(config)];
    await one.write([["a", "{}", FAR, "put", "ann"]]);
    await other.write([["a", "{}", FAR, "put", "bob"]]);
    expect(await one.sessionsOf("ann")).toEqual([]);
    expect(await one.destroyAllOf("ann", null)).toBe(0);
    await one.write([["a", "{}", FAR, "update"]]);
    expect(await other.sessionsOf("bob")).toEqual([]);
    expect(await other.get(["a"])).toEqual(["{}"]);
  });

  it("that a server which evicts is reported", async () => {
    server.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    const reports: { readonly code: string }[] = [];
    await openRedis(redisConfig({ addresses: [server.address] }), reports as never);
    server.cli("CONFIG", "SET", "maxmemory-policy", "noeviction");
    expect(reports.map(({ code }) => code)).toEqual(["STORE_FULL"]);
  });

  it("by a clock of its own, and one that differs is reported", async () => {
    const now = Date.now.bind(Date);
    const faked = vi.spyOn(Date, "now").mockImplementation(() => now() + 5_000);
    const reports: { readonly code: string }[] = [];
    const engine = await openRedis(redisConfig({ addresses: [server.address] }), reports as never);
    expect(reports.map(({ code }) => code)).toEqual(["STORE_IO"]);
    // Whichever clock is ahead ends it.
    await engine.write([["a", "{}", now() + 4_000]]);
    expect(await engine.get(["a"])).toEqual([null]);
    faked.mockRestore();
    expect(await engine.get(["a"])).toEqual(["{}"]);
  });
});
