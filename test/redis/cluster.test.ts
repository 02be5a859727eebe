/** Owns the engine over a cluster: all calls over all masters, slots that move, masters that die. */
import { spawn, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { slotOf } from "../../src/worker/redis/slots.js";
import { Group, mastersOf, startCluster } from "../support/redis/cluster.js";
import { openRedis, redisConfig, type RedisOverrides } from "../support/redis/engines.js";
import { HAS_SERVER, type Server } from "../support/redis/server.js";
import { until } from "../support/until.js";

const FAR = Date.UTC(2100, 0, 1);
const sids = Array.from({ length: 100 }, (_, n) => `sid ${n}`);

describe.skipIf(!HAS_SERVER)("over a cluster", () => {
  const group = new Group();
  let nodes: Server[];
  beforeAll(async () => {
    nodes = await startCluster(group);
  });
  afterAll(() => group.stop());

  const config = (overrides: RedisOverrides = {}) =>
    redisConfig({ kind: "cluster", addresses: nodes.map(({ address }) => address), ...overrides });

  it("slots are those of the servers", () => {
    for (const key of ["a", "esi:s:x", "{tag}x", "x{tag}", "x{}y", "{}", "{", "ü", "a}b{c}"]) {
      expect(slotOf(key), key).toBe(Number(nodes[0]!.cli("CLUSTER", "KEYSLOT", key)));
    }
  });

  it("all calls reach all masters", async () => {
    const engine = await openRedis(config());
    expect(await engine.write(sids.map((sid) => [sid, "{}", FAR, "put", "ann"]))).toEqual(
      sids.map(() => 0),
    );
    expect(await engine.get(sids)).toEqual(sids.map(() => "{}"));
    expect((await engine.ids()).sort()).toEqual([...sids].sort());
    expect(await engine.stats()).toMatchObject({ sessions: 100, redis: { masters: 3 } });
    expect(await engine.sessionsOf("ann")).toHaveLength(100);
    expect(await engine.destroyAllOf("ann", "sid 7")).toBe(99);
    expect(await engine.clear()).toBe(1);
  });

  it("one seed is enough", async () => {
    const [replica] = nodes.filter((node) => !mastersOf(nodes).includes(node));
    const [master] = mastersOf(nodes);
    for (const seed of [replica!, master!]) {
      const engine = await openRedis(config({ addresses: [seed.address] }));
      await engine.write(sids.map((sid) => [sid, "{}", FAR]));
      expect(await engine.length()).toBe(100);
    }
  });

  it("slots that move are followed, with nothing lost", async () => {
    const engine = await openRedis(config({ failAfterMs: 10_000 }));
    await engine.write(sids.map((sid) => [sid, '{"n":0}', FAR]));
    const [from, to] = mastersOf(nodes).map((node) => node.cli("CLUSTER", "MYID"));
    const moving = spawn("redis-cli", [
      ...["--cluster", "reshard", `127.0.0.1:${nodes[0]!.port}`, "--cluster-from", from!],
      ...["--cluster-to", to!, "--cluster-slots", "2000", "--cluster-yes"],
    ]);
    moving.stdout.resume();
    for (let n = 1; moving.exitCode === null; n++) {
      const json = JSON.stringify({ n });
      expect(await engine.write(sids.map((sid) => [sid, json, FAR, "update"]))).toEqual(
        sids.map(() => 1),
      );
      expect(await engine.get(sids)).toEqual(sids.map(() => json));
    }
    expect(await engine.length()).toBe(100);
  });

  it("a master that dies is replaced by its replica, and the others go on", async () => {
    const engine = await openRedis(config({ failAfterMs: 30_000 }));
    await engine.write(sids.map((sid) => [sid, '{"n":1}', FAR]));
    const [dying] = mastersOf(nodes);
    // What the replica has not got is lost with its master.
    spawnSync("redis-cli", ["-p", String(dying!.port), "WAIT", "1", "5000"]);
    await dying!.kill();
    expect(await engine.get(sids)).toEqual(sids.map(() => '{"n":1}'));
    const outcomes = await engine.write(sids.map((sid) => [sid, '{"n":2}', FAR, "update"]));
    expect(outcomes).toEqual(sids.map(() => 1));
    expect(await engine.length()).toBe(100);
    await dying!.launch();
    await until(() => mastersOf(nodes).length === 3);
  });

  it("a master that is replaced on purpose is followed", async () => {
    const engine = await openRedis(config({ failAfterMs: 30_000 }));
    await engine.write(sids.map((sid) => [sid, '{"n":1}', FAR]));
    const before = mastersOf(nodes);
    const replicas = nodes.filter((node) => !before.includes(node));
    await until(() => replicas[0]!.cli("ROLE").includes("connected"));
    replicas[0]!.cli("CLUSTER", "FAILOVER");
    await until(() => mastersOf(nodes).includes(replicas[0]!));
    const outcomes = await engine.write(sids.map((sid) => [sid, '{"n":2}', FAR, "update"]));
    expect(outcomes).toEqual(sids.map(() => 1));
    expect(await engine.get(sids)).toEqual(sids.map(() => '{"n":2}'));
  });
});
