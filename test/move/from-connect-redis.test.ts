/** Owns what becomes of the sessions of connect-redis that are moved while they are used. */
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import type { StoreError } from "../../src/protocol/errors.js";
import { monotonic } from "../../src/protocol/timers.js";
import { openRedisEngine } from "../../src/worker/redis/engine.js";
import { listenerTo } from "../support/listener.js";
import {
  fromConnectRedis,
  migration,
  movingConfig,
  openMoving,
  untilDone,
  untilMoved,
} from "../support/move/engines.js";
import { storeAsConnectRedis } from "../support/move/old-places.js";
import { openRedis } from "../support/redis/engines.js";
import { Proxy } from "../support/redis/proxy.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { KEY, SECRET_BODY } from "../support/secrets.js";
import { until, untilPast } from "../support/until.js";

const FAR = Date.UTC(2100, 0, 1);
const HOUR_MS = 3_600_000;
const text = (n: number): string => JSON.stringify({ n });

describe.skipIf(!HAS_SERVER)("from connect-redis", () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start();
  });
  afterAll(() => server.stop());
  afterEach(() => server.cli("FLUSHALL"));

  /** Stores sessions `sid-<n>`, which expire at `FAR + n`. */
  function storeMany(count: number): string[] {
    const script = `for n = 0, ARGV[1] - 1 do
      redis.call('SET', 'sess:sid-' .. n, '{"n":' .. n .. '}', 'PXAT', string.format('%.0f', ARGV[2] + n))
    end`;
    server.cli("EVAL", script, "0", String(count), String(FAR));
    return Array.from({ length: count }, (_, n) => `sid-${n}`);
  }

  /** When the sessions with these ids expire, as their keys say. */
  function expiriesOf(prefix: string, sids: readonly string[]): number[] {
    const script = `local found = {}
      for n = 1, #ARGV do found[n] = redis.call('PEXPIRETIME', ARGV[n]) end
      return found`;
    const keys = sids.map((sid) => `${prefix}s:${sid}`);
    return server
      .cli("EVAL", script, "0", ...keys)
      .split("\n")
      .map(Number);
  }

  it.each([
    ["plain", []],
    ["encrypted", [KEY]],
  ])("a session comes over with its expiry, to the millisecond: %s", async (_, encryptionKeys) => {
    const json = JSON.stringify({ of: `${SECRET_BODY} ☃` });
    storeAsConnectRedis(server, "a", json, FAR + 7);
    const config = movingConfig(server, fromConnectRedis(server), { encryptionKeys });
    const engine = await openMoving(config);
    expect(await engine.get(["a"])).toEqual([json]);
    const key = server.cli("KEYS", `${config.redis.prefix}s:*`);
    expect(server.cli("HGET", key, "e")).toBe(String(FAR + 7));
    expect(server.cli("HGET", key, "d").includes(SECRET_BODY)).toBe(encryptionKeys.length === 0);
    await untilMoved(engine);
    expect(server.cli("EXISTS", "sess:a")).toBe("0");
  });

  it("one that does not expire gets the ttl of the store", async () => {
    storeAsConnectRedis(server, "a", text(1), null);
    const before = Date.now();
    const migrateFrom = fromConnectRedis(server, { ttlMs: HOUR_MS });
    const config = movingConfig(server, migrateFrom);
    const engine = await openMoving(config);
    await untilMoved(engine);
    const [expiry] = expiriesOf(config.redis.prefix, ["a"]);
    expect(expiry).toBeGreaterThanOrEqual(before + HOUR_MS);
    expect(expiry).toBeLessThanOrEqual(Date.now() + HOUR_MS);
  });

  it("nothing else is touched: other prefixes, and what is no string", async () => {
    const config = movingConfig(server, fromConnectRedis(server, { prefix: "sess[1]:" }));
    storeAsConnectRedis(server, "a", text(1), FAR, "sess[1]:");
    storeAsConnectRedis(server, "b", text(2), FAR, "sess1:");
    server.cli("HSET", "sess[1]:hash", "field", "value");
    const engine = await openMoving(config);
    await untilMoved(engine);
    expect(await engine.ids()).toEqual(["a"]);
    const left = server.cli("KEYS", "sess*").split("\n");
    expect(left.sort()).toEqual(["sess1:b", "sess[1]:hash"]);
  });

  it("several processes move them at once, and requests go on", async () => {
    const sids = storeMany(900);
    const config = movingConfig(server, fromConnectRedis(server), { failAfterMs: 10_000 });
    const engines = [await openMoving(config), await openMoving(config), await openMoving(config)];
    const engineOf = (n: number): Engine => engines[n % 3]!;
    const answers = await Promise.all(
      sids.map(async (sid, n) => {
        switch (n % 4) {
          case 0:
            // All of them at once.
            return Promise.all(engines.map(async (engine) => (await engine.get([sid]))[0]));
          case 1:
            return (await engineOf(n).write([[sid, text(-n), FAR, "update"]]))[0];
          case 2:
            return (await engineOf(n).touch([[sid, '{"c":1}', 2 * FAR]]))[0];
          default:
            return (await engineOf(n).write([[sid]]))[0];
        }
      }),
    );
    expect(answers).toEqual(sids.map((_, n) => [[text(n), text(n), text(n)], 1, true, 1][n % 4]));
    await Promise.all(engines.map(untilMoved));
    const found = sids.map((_, n) => [text(n), text(-n), [text(n), '{"c":1}'], null][n % 4]);
    for (const engine of engines) expect(await engine.get(sids)).toEqual(found);
    const kept = sids.filter((_, n) => n % 4 === 0);
    expect(expiriesOf(config.redis.prefix, kept)).toEqual(
      kept.map((sid) => FAR + Number(sid.slice(4))),
    );
  });

  it("what was destroyed is not stored by who has read it before, until the move is over", async () => {
    const config = movingConfig(server, fromConnectRedis(server), { failAfterMs: 500 });
    // What another process has read, which is slow.
    const session = [text(1), FAR, null, null] as const;
    const slow = await openRedisEngine(
      config,
      listenerTo(() => undefined),
    );
    storeAsConnectRedis(server, "a", text(1), FAR);
    const engine = await openMoving(config);
    expect(await engine.write([["a"]])).toEqual([1]);
    await slow.adopt("a", session, monotonic() + 500);
    expect(await engine.get(["a"])).toEqual([null]);
    expect(await slow.get(["a"])).toEqual([null]);
    // What is remembered is no session.
    expect(await engine.ids()).toEqual([]);
    expect(await slow.ids()).toEqual([]);
    await untilDone(engine);
    expect(server.cli("EXISTS", `${config.redis.prefix}s:a`)).toBe("0");
    // It comes too late.
    await expect(slow.adopt("a", session, monotonic() - 1)).rejects.toMatchObject({
      code: "STORE_UNREACHABLE",
    });
    expect(await engine.get(["a"])).toEqual([null]);
    await slow.close();
  });

  it("one that was stored anew after its end stays, when it is forgotten who was destroyed", async () => {
    const config = movingConfig(server, fromConnectRedis(server), { failAfterMs: 500 });
    storeAsConnectRedis(server, "a", text(1), FAR);
    const engine = await openMoving(config);
    await engine.write([["a"]]);
    await engine.write([["a", text(2), FAR]]);
    await untilDone(engine);
    expect(await engine.get(["a"])).toEqual([text(2)]);
    expect(server.cli("HEXISTS", `${config.redis.prefix}s:a`, "m")).toBe("0");
  });

  it("what was stored anew is not undone by an old one that expires later", async () => {
    const engine = await openMoving(movingConfig(server, fromConnectRedis(server)));
    await untilMoved(engine);
    // The walk does not come to it any more.
    storeAsConnectRedis(server, "a", text(1), FAR);
    const soon = Date.now() + 300;
    await engine.write([["a", text(2), soon, "put"]]);
    await untilPast(soon);
    expect(await engine.get(["a"])).toEqual([null]);
  });

  it("a place that is away stops it, and a logout is not acknowledged without it", async () => {
    const proxy = await Proxy.start(server.port);
    storeAsConnectRedis(server, "a", text(1), FAR);
    const migrateFrom = fromConnectRedis(proxy, { failAfterMs: 2_000 });
    const engine = await openMoving(movingConfig(server, migrateFrom));
    await untilMoved(engine);
    await proxy.refuse();
    expect(await engine.get(["a"])).toEqual([text(1)]);
    const [outcome] = await engine.write([["a"]]);
    expect(outcome).toMatchObject({ code: "STORE_UNCERTAIN" });
    await proxy.listen();
    await until(async () => (await engine.write([["a"]]))[0] === 1);
    expect(await engine.get(["a"])).toEqual([null]);
  });

  it("a clock of the old server that differs is reported, too", async () => {
    const other = await Server.start();
    onTestFinished(() => other.stop());
    const now = Date.now.bind(Date);
    const faked = vi.spyOn(Date, "now").mockImplementation(() => now() + 5_000);
    onTestFinished(() => {
      faked.mockRestore();
    });
    const reports: StoreError[] = [];
    await openMoving(movingConfig(server, fromConnectRedis(other)), reports);
    const codes = reports.map(({ code }) => code);
    expect(codes).toEqual(["STORE_IO", "STORE_IO", "STORE_NOT_DURABLE"]);
  });

  it("is done with for a store without the option, which finds all of them", async () => {
    const sids = storeMany(30);
    const config = movingConfig(server, fromConnectRedis(server), { failAfterMs: 500 });
    const moving = await openMoving(config);
    await untilDone(moving);
    await moving.close();
    const { migrateFrom: _, ...plain } = config;
    const engine = await openRedis(plain);
    expect(new Set(await engine.ids())).toEqual(new Set(sids));
    expect(await engine.get(["sid-3"])).toEqual([text(3)]);
  });
});

describe.skipIf(!HAS_SERVER)("from connect-redis, over a server before 7.0", () => {
  it("the expiry is kept, too", async () => {
    // It does not have the command that tells it.
    const server = await Server.start({ config: ['rename-command PEXPIRETIME ""'] });
    try {
      storeAsConnectRedis(server, "a", text(1), FAR);
      const config = movingConfig(server, fromConnectRedis(server));
      const engine = await openMoving(config);
      expect((await migration(engine)).done).toBe(false);
      await untilMoved(engine);
      const expiry = Number(server.cli("HGET", `${config.redis.prefix}s:a`, "e"));
      // The time of the server is told in one command, and what is left of it in the next.
      expect(expiry).toBeLessThanOrEqual(FAR);
      expect(expiry).toBeGreaterThan(FAR - 1000);
      await engine.close();
    } finally {
      await server.stop();
    }
  });
});
