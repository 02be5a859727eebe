/** Owns that an acknowledgement is worth what is said: through kills, cuts, and other processes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import { type Random, SEED, seededRandom } from "../support/random.js";
import { openRedis, redisConfig } from "../support/redis/engines.js";
import { Ledger } from "../support/redis/ledger.js";
import { Proxy } from "../support/redis/proxy.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";

const FAR = Date.UTC(2100, 0, 1);
const ROUNDS = process.env["FAULTS"] === "long" ? 100 : 8;
/** Only to end a test that hangs. */
const TIMEOUT_MS = ROUNDS * 30_000;
const SIDS = Array.from({ length: 20 }, (_, n) => `sid ${n}`);

/** Reads, modifies and writes sessions until it is told to stop. */
async function work(engine: Engine, ledger: Ledger, random: Random, isOver: () => boolean) {
  while (!isOver()) {
    const sid = random.pick(SIDS);
    const [found] = await engine.get([sid]).catch(() => [null]);
    const kind =
      found === null ? "put" : random.pick(["update", "update", "put", "delete"] as const);
    await ledger.change(engine, sid, kind, FAR);
    if (random.integer(3) === 0) await engine.touch([[sid, null, FAR]]).catch(() => []);
  }
}

/** What is wrong with what a new engine finds. */
async function mistakes(engine: Engine, ledger: Ledger): Promise<string[]> {
  const found = await engine.get(SIDS);
  const wrong = SIDS.map((sid, index) => {
    const session = found[index];
    const json = session == null ? null : typeof session === "string" ? session : session[0];
    return ledger.judge(sid, json === null ? null : (JSON.parse(json) as { n: number }).n);
  });
  return wrong.filter((mistake) => mistake !== null);
}

describe.skipIf(!HAS_SERVER)("durable: true", () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start({ config: ["appendonly yes", "appendfsync always"] });
  });
  afterAll(() => server.stop());

  it.each([["no"], ["everysec"]])(
    "is refused where the server has appendfsync %s",
    async (fsync) => {
      server.cli("CONFIG", "SET", "appendfsync", fsync);
      const refused = openRedis(redisConfig({ addresses: [server.address], durable: true }));
      await expect(refused).rejects.toMatchObject({ code: "STORE_NOT_DURABLE" });
      server.cli("CONFIG", "SET", "appendfsync", "always");
    },
  );

  it("is refused where the server appends to no file, or does not say", async () => {
    const config = redisConfig({ addresses: [server.address], durable: true });
    server.cli("CONFIG", "SET", "appendonly", "no");
    await expect(openRedis(config)).rejects.toMatchObject({ code: "STORE_NOT_DURABLE" });
    server.cli("CONFIG", "SET", "appendonly", "yes");
    server.cli("ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-config");
    const user = { username: "app", password: "secret" };
    await expect(
      openRedis({ ...config, redis: { ...config.redis, ...user } }),
    ).rejects.toMatchObject({ code: "STORE_NOT_DURABLE" });
  });

  it(
    `loses nothing when the server is killed (TEST_SEED=${SEED})`,
    async () => {
      const config = redisConfig({ addresses: [server.address], durable: true, failAfterMs: 500 });
      const engines = await Promise.all([openRedis(config), openRedis(config)]);
      const ledger = new Ledger();
      const random = seededRandom(SEED);
      for (let round = 0; round < ROUNDS; round++) {
        let isOver = false;
        const workers = engines.flatMap((engine) =>
          [1, 2, 3].map(() => work(engine, ledger, random, () => isOver)),
        );
        const target = ledger.counts.acknowledged + 50 + random.integer(500);
        await enough(() => ledger.counts.acknowledged >= target);
        await server.kill();
        isOver = true;
        await server.launch();
        await Promise.all(workers);
        const engine = await openRedis(config);
        expect(await mistakes(engine, ledger), JSON.stringify(ledger.counts)).toEqual([]);
      }
      expect(ledger.counts.acknowledged).toBeGreaterThan(ROUNDS * 50);
    },
    TIMEOUT_MS,
  );

  it(
    `of what is cut nothing comes twice, and nothing older wins (TEST_SEED=${SEED})`,
    async () => {
      const config = redisConfig({ addresses: [server.address], failAfterMs: 2_000 });
      const proxies = [await Proxy.start(server.port), await Proxy.start(server.port)];
      const engines = await Promise.all(
        proxies.map(({ address }) =>
          openRedis({ ...config, redis: { ...config.redis, addresses: [address] } }),
        ),
      );
      const ledger = new Ledger();
      const random = seededRandom(SEED);
      let isOver = false;
      const workers = engines.flatMap((engine) =>
        [1, 2, 3].map(() => work(engine, ledger, random, () => isOver)),
      );
      for (let round = 0; round < ROUNDS * 5; round++) {
        await random.pick(proxies).cutNext(random.pick(["before", "after"]), "EVALSHA");
      }
      isOver = true;
      await Promise.all(workers);
      const engine = await openRedis(config);
      expect(await mistakes(engine, ledger), JSON.stringify(ledger.counts)).toEqual([]);
      expect(ledger.counts.acknowledged).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

async function enough(isEnough: () => boolean): Promise<void> {
  while (!isEnough()) await new Promise((resolve) => setImmediate(resolve));
}
