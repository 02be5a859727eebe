/** Owns what calls are answered with while a server fails, and that it is over when the fault is. */
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import type { StoreError } from "../../src/protocol/errors.js";
import { UserLists } from "../../src/worker/redis/user-lists.js";
import { openRedis, redisConfig } from "../support/redis/engines.js";
import { Proxy } from "../support/redis/proxy.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { until } from "../support/until.js";

const FAR = Date.UTC(2100, 0, 1);
const text = (n: number): string => JSON.stringify({ n });

/** How a write ended: its outcome, or the code of its error. */
async function stored(engine: Engine, sid: string, n: number, mode: "put" | "update" = "put") {
  const [outcome] = await engine.write([[sid, text(n), FAR, mode]]);
  return typeof outcome === "number" ? outcome : outcome?.code;
}

/** An engine over the server, or the proxy, at this address. */
const openAt = (address: Server["address"], failAfterMs: number): Promise<Engine> =>
  openRedis(redisConfig({ addresses: [address], failAfterMs }));

const codeOf = (error: unknown): string => (error as StoreError).code;

describe.skipIf(!HAS_SERVER)("a server that", () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start({ config: ["appendonly yes", "appendfsync always"] });
  });
  afterAll(() => server.stop());
  afterEach(() => {
    server.signal("SIGCONT");
    server.cli("CLIENT", "UNPAUSE");
    server.cli("CONFIG", "SET", "maxmemory", "0");
  });

  it("is killed is found again, and calls wait for it", async () => {
    const engine = await openAt(server.address, 20_000);
    expect(await stored(engine, "a", 1)).toBe(0);
    await server.kill();
    // The end of the connection is there already: it is to be read before anything is sent.
    for (let turns = 0; turns < 3; turns++) await turn();
    const calls = [stored(engine, "a", 2, "update"), engine.get(["a"]), stored(engine, "a", 3)];
    await server.launch();
    expect(await Promise.all(calls)).toEqual([1, [text(2)], 1]);
    expect(await engine.get(["a"])).toEqual([text(3)]);
  });

  it("refuses connections is unreachable, with nothing done, and is found again", async () => {
    const proxy = await Proxy.start(server.port);
    const engine = await openAt(proxy.address, 1_000);
    await stored(engine, "a", 1);
    await proxy.refuse();
    await until(async () => (await stored(engine, "a", 2)) === "STORE_UNREACHABLE");
    const calls: Promise<unknown>[] = [
      engine.get(["a"]),
      engine.touch([["a", null, FAR]]),
      engine.ids(),
      engine.clear(),
      engine.stats(),
    ];
    const answers = await Promise.all(calls.map((call) => call.catch(codeOf)));
    expect(answers).toEqual(calls.map(() => "STORE_UNREACHABLE"));
    await proxy.listen();
    await until(async () => (await engine.get(["a"]).catch(() => null)) !== null);
    expect(await engine.get(["a"])).toEqual([text(1)]);
    expect(await stored(engine, "a", 3, "update")).toBe(1);
  });

  it("stands still leaves writes uncertain, and does not make them when it goes on", async () => {
    const engine = await openAt(server.address, 1_500);
    await stored(engine, "a", 1);
    server.signal("SIGSTOP");
    const outcomes = await Promise.all([
      stored(engine, "a", 2),
      engine.get(["a"]).catch(codeOf),
      engine.write([["a"]]).then(([outcome]) => (outcome as StoreError).code),
    ]);
    expect(outcomes[0]).toBe("STORE_UNCERTAIN");
    expect(outcomes[1]).toBe("STORE_UNREACHABLE");
    // It was never sent, or was and is not known: another write of its session came before it.
    expect(["STORE_UNREACHABLE", "STORE_UNCERTAIN"]).toContain(outcomes[2]);
    server.signal("SIGCONT");
    await until(async () => typeof (await stored(engine, "b", 1)) === "number");
    expect(await engine.get(["a"])).toEqual([text(1)]);
  });

  it("stands still keeps no call longer than another, though they wait for each other", async () => {
    const engine = await openAt(server.address, 500);
    server.signal("SIGSTOP");
    const ended: string[] = [];
    const end = (name: string) => () => void ended.push(name);
    for (let n = 0; n < 5; n++) void stored(engine, "a", n).then(end("set"));
    engine.get(["a"]).then(end("get"), end("get"));
    engine.touch([["a", null, FAR]]).then(end("touch"), end("touch"));
    engine.sessionsOf("ann").then(end("sessionsOf"), end("sessionsOf"));
    // It was made last, and waits for none of them.
    await stored(engine, "b", 1);
    await turn();
    expect(ended.sort()).toEqual(["get", "sessionsOf", "set", "set", "set", "set", "set", "touch"]);
  });

  it("is asked for what is left of a user's sessions when their deletion has taken long", async () => {
    const failAfterMs = 500;
    const engine = await openAt(server.address, failAfterMs);
    await engine.write([["a", text(1), FAR, "put", "ann"]]);
    // Each is taken out of the list when it has been deleted.
    const deleted = vi.spyOn(UserLists.prototype, "remove").mockImplementation(() => {
      const end = performance.now() + failAfterMs;
      while (performance.now() < end);
    });
    onTestFinished(() => deleted.mockRestore());
    expect(await engine.destroyAllOf("ann", null)).toBe(1);
  });

  it("pauses its clients is waited for", async () => {
    const engine = await openAt(server.address, 10_000);
    await stored(engine, "a", 1);
    server.cli("CLIENT", "PAUSE", "300", "ALL");
    expect(await Promise.all([stored(engine, "a", 2), engine.get(["a"])])).toEqual([1, [text(2)]]);
  });

  it("pauses for longer than its silence is borne is asked again on another connection", async () => {
    const engine = await openAt(server.address, 4_000);
    await stored(engine, "a", 1);
    server.cli("CLIENT", "PAUSE", "2500", "ALL");
    expect(await Promise.all([stored(engine, "a", 2), engine.get(["a"])])).toEqual([1, [text(2)]]);
    expect((await engine.stats()).redis?.reconnects).toBeGreaterThan(0);
  });

  it.each([true, false])("is not blamed for a thread that was held up: sent %s", async (isSent) => {
    const engine = await openAt(server.address, 3_000);
    const written = stored(engine, "a", 1);
    if (isSent) await turn();
    const end = performance.now() + 2_000;
    while (performance.now() < end);
    expect(await written).toBe(0);
    expect((await engine.stats()).redis?.reconnects).toBe(0);
  });

  it("forgets its scripts is given them again, and the order is kept", async () => {
    const engine = await openRedis(redisConfig({ addresses: [server.address] }));
    await stored(engine, "a", 1);
    server.cli("SCRIPT", "FLUSH");
    const outcomes = Array.from({ length: 50 }, (_, n) => stored(engine, "a", n));
    expect(await Promise.all(outcomes)).toEqual(outcomes.map(() => 1));
    expect(await engine.get(["a"])).toEqual([text(49)]);
  });

  it("loses everything has no sessions, and brings none back", async () => {
    const engine = await openRedis(
      redisConfig({ addresses: [server.address], encryptionKeys: ["a key of the test's own"] }),
    );
    await stored(engine, "a", 1);
    server.cli("FLUSHALL");
    expect(await engine.get(["a"])).toEqual([null]);
    expect(await stored(engine, "a", 2, "update")).toBe(0);
    expect(await engine.touch([["a", null, FAR]])).toEqual([false]);
    expect(await stored(engine, "a", 3)).toBe(0);
    expect(await engine.ids()).toEqual(["a"]);
  });

  it("is out of memory refuses what it has no room for, and nothing is half done", async () => {
    const engine = await openRedis(redisConfig({ addresses: [server.address] }));
    await engine.write([["a", text(1), FAR, "put", "ann"]]);
    server.cli("CONFIG", "SET", "maxmemory", "1");
    expect(await stored(engine, "a", 2)).toBe("STORE_IO");
    expect(await stored(engine, "b", 2)).toBe("STORE_IO");
    expect(await engine.touch([["a", "{}", FAR]]).catch(codeOf)).toBe("STORE_IO");
    expect(await engine.get(["a", "b"])).toEqual([text(1), null]);
    expect((await engine.sessionsOf("ann")).map(([sid]) => sid)).toEqual(["a"]);
    // A logout needs no memory.
    expect(await engine.write([["a"]])).toEqual([1]);
    server.cli("CONFIG", "SET", "maxmemory", "0");
    expect(await stored(engine, "a", 3)).toBe(0);
  });

  it("is a replica is not used", async () => {
    const replica = await Server.start({ config: [`replicaof 127.0.0.1 ${server.port}`] });
    try {
      await expect(
        openRedis(redisConfig({ addresses: [replica.address], failAfterMs: 300 })),
      ).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
      replica.cli("REPLICAOF", "NO", "ONE");
      const engine = await openAt(replica.address, 2_000);
      expect(await stored(engine, "a", 1)).toBe(0);
      replica.cli("REPLICAOF", "127.0.0.1", String(server.port));
      expect(await stored(engine, "a", 2)).toBe("STORE_UNREACHABLE");
      replica.cli("REPLICAOF", "NO", "ONE");
      await until(async () => typeof (await stored(engine, "a", 3)) === "number");
    } finally {
      await replica.stop();
    }
  });

  it("has keys of others under the prefix leaves them alone", async () => {
    const config = redisConfig({ addresses: [server.address], prefix: "odd [a]*?:" });
    const engine = await openRedis(config);
    server.cli("HSET", "odd [a]*?:s:theirs", "field", "value");
    server.cli("SET", "odd [a]*?:s:text", "value");
    server.cli("HSET", "odd axx:s:other", "e", "99999999999999", "d", "{}", "t", "1");
    await stored(engine, "a", 1);
    expect(await engine.write([["theirs"]])).toEqual([0]);
    expect(await engine.clear()).toBe(1);
    expect(server.cli("EXISTS", "odd [a]*?:s:theirs", "odd [a]*?:s:text", "odd axx:s:other")).toBe(
      "3",
    );
    expect(await engine.get(["theirs"])).toEqual([null]);
    expect(await stored(engine, "text", 1)).toBe("STORE_IO");
  });

  it("cannot be reached at the start says so", async () => {
    const proxy = await Proxy.start(server.port);
    await proxy.refuse();
    await expect(
      openRedis(redisConfig({ addresses: [proxy.address], failAfterMs: 200 })),
    ).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
  });
});
