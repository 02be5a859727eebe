/**
 * Owns what becomes of a call whose connection was lost before the answer came: it is made once, or
 * not at all, or fails with `STORE_UNCERTAIN`; and what others have written since is left as it is.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine, Write } from "../../src/protocol/contract.js";
import type { StoreError } from "../../src/protocol/errors.js";
import { openRedis, redisConfig } from "../support/redis/engines.js";
import { type Cut, Proxy } from "../support/redis/proxy.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";

const FAR = Date.UTC(2100, 0, 1);
const NAME = "the session";
const text = (n: number | string): string => JSON.stringify({ n });
const cuts: readonly Cut[] = ["before", "after"];

describe.skipIf(!HAS_SERVER)("a connection that is cut", () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start();
  });
  afterAll(() => server.stop());

  /** An engine behind a proxy, and one of another process. */
  async function scene() {
    const proxy = await Proxy.start(server.port);
    const config = redisConfig({ addresses: [proxy.address], failAfterMs: 5_000 });
    const engine = await openRedis(config);
    const other = await openRedis({
      ...config,
      redis: { ...config.redis, addresses: [server.address] },
    });
    return { proxy, engine, other, key: `${config.redis.prefix}s:` };
  }

  async function write(engine: Engine, write: Write): Promise<unknown> {
    const [outcome] = await engine.write([write]);
    return typeof outcome === "number" ? outcome : outcome?.code;
  }

  /** Cuts the connection of the next command, and refuses others until `meanwhile` is over. */
  async function meanwhile<T>(
    { proxy }: { proxy: Proxy },
    cut: Cut,
    call: () => Promise<T>,
    act: () => Promise<unknown>,
  ): Promise<T> {
    const isCut = proxy.cutNext(cut, NAME);
    const answer = call();
    await isCut;
    await proxy.refuse();
    await act();
    await proxy.listen();
    return answer;
  }

  const put = (n: number): Write => ["a", JSON.stringify({ n, text: NAME }), FAR];
  const update = (n: number): Write => ["a", JSON.stringify({ n, text: NAME }), FAR, "update"];

  it.each(cuts)("%s a write lets it be made once, where its last one is known", async (cut) => {
    const { proxy, engine, other } = await scene();
    expect(await write(engine, put(1))).toBe(0);
    void proxy.cutNext(cut, NAME);
    expect(await write(engine, put(2))).toBe(1);
    expect(await engine.get(["a"])).toEqual([put(2)[1]]);
    // The last one may be known from a get, too.
    expect(await write(other, put(3))).toBe(1);
    await engine.get(["a"]);
    void proxy.cutNext(cut, NAME);
    expect(await write(engine, update(4))).toBe(1);
    expect(await other.get(["a"])).toEqual([put(4)[1]]);
  });

  it("after a write of a new session lets it be found again", async () => {
    const { proxy, engine } = await scene();
    void proxy.cutNext("after", NAME);
    expect(await write(engine, put(1))).toBe(1);
    expect(await engine.get(["a"])).toEqual([put(1)[1]]);
  });

  it("before a write of a new session leaves it uncertain", async () => {
    const { proxy, engine } = await scene();
    void proxy.cutNext("before", NAME);
    expect(await write(engine, put(1))).toBe("STORE_UNCERTAIN");
    expect(await engine.get(["a"])).toEqual([null]);
    expect((await engine.stats()).redis?.uncertain).toBe(1);
  });

  it.each(cuts)("%s a write does not let it undo what another has written since", async (cut) => {
    const world = await scene();
    await write(world.engine, put(1));
    const outcome = await meanwhile(
      world,
      cut,
      () => write(world.engine, update(2)),
      () => write(world.other, ["a", text("theirs"), FAR]),
    );
    expect(outcome).toBe("STORE_UNCERTAIN");
    expect(await world.engine.get(["a"])).toEqual([text("theirs")]);
  });

  it.each(cuts)("%s a write does not let it bring back what another has destroyed", async (cut) => {
    for (const [again, outcome] of [
      [update(2), 0],
      [put(2), "STORE_UNCERTAIN"],
    ] as const) {
      const world = await scene();
      await write(world.engine, put(1));
      const answer = meanwhile(
        world,
        cut,
        () => write(world.engine, again),
        () => write(world.other, ["a"]),
      );
      expect(await answer).toBe(outcome);
      expect(await world.engine.get(["a"])).toEqual([null]);
    }
  });

  it.each(cuts)("%s a deletion lets it be made once", async (cut) => {
    const { proxy, engine, key } = await scene();
    const sid = NAME.replace(" ", "-");
    await write(engine, [sid, text(1), FAR]);
    server.cli("HINCRBY", key + sid, "t", "-5000");
    void proxy.cutNext(cut, sid);
    expect(await write(engine, [sid])).toBe(cut === "before" ? 1 : 0);
    expect(await engine.get([sid])).toEqual([null]);
  });

  it("after a deletion does not let it delete what another has made since", async () => {
    const { proxy, engine, other, key } = await scene();
    await write(engine, ["sid", text(1), FAR]);
    server.cli("HINCRBY", `${key}sid`, "t", "-5000");
    const isCut = proxy.cutNext("after", "sid");
    const deleted = write(engine, ["sid"]);
    await isCut;
    await proxy.refuse();
    await write(other, ["sid", text("theirs"), FAR]);
    await proxy.listen();
    expect(await deleted).toBe("STORE_UNCERTAIN");
    expect(await engine.get(["sid"])).toEqual([text("theirs")]);
  });

  it("before a deletion lets it win over an update of another", async () => {
    const { proxy, engine, other, key } = await scene();
    await write(engine, ["sid", text(1), FAR]);
    server.cli("HINCRBY", `${key}sid`, "t", "-5000");
    const isCut = proxy.cutNext("before", "sid");
    const deleted = write(engine, ["sid"]);
    await isCut;
    await proxy.refuse();
    await write(other, ["sid", text("theirs"), FAR, "update"]);
    await proxy.listen();
    expect(await deleted).toBe(1);
    expect(await engine.get(["sid"])).toEqual([null]);
  });

  it.each(cuts)("%s a touch lets it be made, but for what was written since", async (cut) => {
    const world = await scene();
    const { proxy, engine, other } = world;
    const cookie = JSON.stringify({ name: NAME });
    await write(engine, ["a", text(1), FAR]);
    void proxy.cutNext(cut, NAME);
    expect(await engine.touch([["a", cookie, FAR]])).toEqual([true]);
    expect(await engine.get(["a"])).toEqual([[text(1), cookie]]);
    const touched = meanwhile(
      world,
      "before",
      () => engine.touch([["a", cookie, FAR]]),
      () => write(other, ["a", text(2), FAR]),
    );
    expect(await touched).toEqual([true]);
    expect(await engine.get(["a"])).toEqual([text(2)]);
  });

  it.each(cuts)("%s a read lets it be asked again", async (cut) => {
    const { proxy, engine } = await scene();
    await write(engine, ["sid", text(1), FAR]);
    void proxy.cutNext(cut, "sid");
    expect(await engine.get(["sid"])).toEqual([text(1)]);
    void proxy.cutNext(cut, "SCAN");
    expect(await engine.ids()).toEqual(["sid"]);
  });

  it("keeps the order of writes of a session, whatever is cut", async () => {
    const { proxy, engine, other } = await scene();
    await write(engine, put(0));
    for (let round = 1; round <= 20; round++) {
      void proxy.cutNext(round % 2 === 0 ? "before" : "after", `"n":${round}0`);
      const numbers = Array.from({ length: 10 }, (_, n) => round * 10 + n);
      const outcomes = await Promise.all(numbers.map((n) => write(engine, put(n))));
      expect(outcomes).toEqual(numbers.map(() => 1));
      expect(await other.get(["a"])).toEqual([put(round * 10 + 9)[1]]);
    }
  });

  it("ends the sessions of a user for all that", async () => {
    const { proxy, engine } = await scene();
    const failures: unknown[] = [];
    for (const sid of ["one", "two", "three"]) {
      await engine.write([[sid, text(1), FAR, "put", "ann"]]);
    }
    void proxy.cutNext("before", "ZRANGE");
    const ended = await engine.destroyAllOf("ann", "two").catch((error: unknown) => {
      failures.push((error as StoreError).code);
      return 0;
    });
    expect([ended, failures]).toEqual([2, []]);
    expect(await engine.ids()).toEqual(["two"]);
  });
});
