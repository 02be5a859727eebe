/** Owns that the master is found by sentinels, at first and after a failover. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StoreError } from "../../src/protocol/errors.js";
import {
  Group,
  MASTER_NAME,
  mastersOf,
  startSentinels,
  type Watched,
} from "../support/redis/cluster.js";
import { openRedis, redisConfig, type RedisOverrides } from "../support/redis/engines.js";
import { HAS_SERVER, type Server } from "../support/redis/server.js";
import { until } from "../support/until.js";

const FAR = Date.UTC(2100, 0, 1);

describe.skipIf(!HAS_SERVER)("with sentinels", () => {
  const group = new Group();
  let watched: Watched;
  beforeAll(async () => {
    watched = await startSentinels(group);
  });
  afterAll(() => group.stop());

  const config = (overrides: RedisOverrides = {}) =>
    redisConfig({
      kind: "sentinel",
      masterName: MASTER_NAME,
      addresses: watched.sentinels.map(({ address }) => address),
      ...overrides,
    });

  /** Makes a replica of a master that was replaced, as the sentinels would some seconds later. */
  function demote(old: Server): void {
    const [master] = mastersOf(watched.servers).filter((server) => server !== old);
    old.cli("REPLICAOF", "127.0.0.1", String(master!.port));
  }

  it("the master is found, though some of them are gone", async () => {
    const addresses = watched.sentinels.map(({ address }) => address);
    const engine = await openRedis(
      config({ addresses: [{ host: "127.0.0.1", port: 1 }, ...addresses] }),
    );
    expect(await engine.write([["a", "{}", FAR]])).toEqual([0]);
    expect(await engine.get(["a"])).toEqual(["{}"]);
  });

  it("a master that they do not know is said to be none", async () => {
    const failure = openRedis(config({ masterName: "another", failAfterMs: 500 }));
    await expect(failure).rejects.toMatchObject({
      code: "STORE_UNREACHABLE",
      message: expect.stringContaining("no master") as string,
    });
  });

  it("a write waits for the replicas that it is to have", async () => {
    const engine = await openRedis(config({ replicas: 2 }));
    expect(
      await engine.write([
        ["a", "{}", FAR],
        ["b", "{}", FAR],
      ]),
    ).toEqual([0, 0]);
    const greedy = await openRedis(config({ replicas: 3, failAfterMs: 1_000 }));
    const [outcome] = await greedy.write([["c", "{}", FAR]]);
    expect((outcome as StoreError).code).toBe("STORE_UNCERTAIN");
  });

  it("the new master is found when the old one dies, and what the replicas had is there", async () => {
    const engine = await openRedis(config({ failAfterMs: 30_000 }));
    const safe = await openRedis(config({ failAfterMs: 30_000, replicas: 1 }));
    expect(await safe.write([["kept", "{}", FAR]])).toEqual([0]);
    const [old] = mastersOf(watched.servers);
    await old!.kill();
    // It is a new session: whether it was stored is not asked of a server that has died.
    await until(async () => typeof (await engine.write([["b", "{}", FAR]]))[0] === "number");
    expect(await engine.get(["b"])).toEqual(["{}"]);
    expect(await safe.get(["kept"])).toEqual(["{}"]);
    await old!.launch();
    demote(old!);
  });

  it("the new master is found when the old one hangs, and the old one takes no more writes", async () => {
    const engine = await openRedis(config({ failAfterMs: 4_000 }));
    const [old] = mastersOf(watched.servers);
    old!.signal("SIGSTOP");
    await until(async () => typeof (await engine.write([["a", '{"n":2}', FAR]]))[0] === "number");
    old!.signal("SIGCONT");
    demote(old!);
    expect(await engine.get(["a"])).toEqual(['{"n":2}']);
    expect(await engine.write([["a", '{"n":3}', FAR, "update"]])).toEqual([1]);
  });
});
