/** Owns that with a key the server knows no session, no id and no user, and can move nothing. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StoreError } from "../../src/protocol/errors.js";
import { openRedis, redisConfig } from "../support/redis/engines.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";

const FAR = Date.UTC(2100, 0, 1);
const KEY = "a key of the test's own";
const [SID, BODY, USER, COOKIE] = [
  "secret-id",
  '{"secret":"body"}',
  "secret-user",
  '{"secret":"c"}',
];

describe.skipIf(!HAS_SERVER)("encrypted sessions", () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start();
  });
  afterAll(() => server.stop());

  const config = (prefix: string, ...encryptionKeys: string[]) =>
    redisConfig({ addresses: [server.address], prefix, encryptionKeys });

  /** All that the server has, as text. */
  function everything(prefix: string): string {
    const keys = server.cli("--scan", "--pattern", `${prefix}*`).split("\n");
    const values = keys.map((key) => {
      const command = { hash: "HGETALL", zset: "ZRANGE", string: "GET" }[server.cli("TYPE", key)];
      return server.cli(command ?? "GET", key, ...(command === "ZRANGE" ? ["0", "-1"] : []));
    });
    return [...keys, ...values].join("\n");
  }

  it("show nothing of themselves, as the others do", async () => {
    for (const keys of [[], [KEY]]) {
      const prefix = `shown ${keys.length}:`;
      const engine = await openRedis(config(prefix, ...keys));
      await engine.write([[SID, BODY, FAR, "put", USER]]);
      await engine.touch([[SID, COOKIE, FAR]]);
      const secrets = [SID, "body", USER, '"c"'].filter((text) =>
        everything(prefix).includes(text),
      );
      expect(secrets).toHaveLength(keys.length === 0 ? 4 : 0);
      expect(await engine.ids()).toEqual([SID]);
      const [[sid, found] = []] = await engine.sessionsOf(USER);
      expect([sid, found]).toEqual([SID, [BODY, COOKIE]]);
    }
  });

  it("are not served from another place, and that is reported", async () => {
    const reports: StoreError[] = [];
    const engine = await openRedis(config("moved:", KEY), reports);
    await engine.write([
      ["a", '{"n":1}', FAR],
      ["b", '{"n":2}', FAR],
    ]);
    await engine.touch([["a", COOKIE, FAR]]);
    const [one, two] = server.cli("--scan", "--pattern", "moved:s:*").split("\n");
    const value = (key: string, field: string): string => server.cli("HGET", key, field);
    const [d1, d2] = [value(one!, "d"), value(two!, "d")];
    server.cli("HSET", one!, "d", d2);
    server.cli("HSET", two!, "d", d1);
    expect(await engine.get(["a", "b"])).toEqual([null, null]);
    expect(reports.map(({ code }) => code)).toEqual(["STORE_CORRUPT", "STORE_CORRUPT"]);
    server.cli("HSET", one!, "d", d1, "c", d1);
    server.cli("HSET", two!, "d", d2, "c", d2);
    expect(await engine.get(["a", "b"])).toEqual([null, null]);
  });

  it("stay when the key is changed", async () => {
    const old = await openRedis(config("changed:", KEY));
    await old.write([[SID, BODY, FAR, "put", USER]]);
    const both = await openRedis(config("changed:", "the new key", KEY));
    expect(await both.get([SID])).toEqual([BODY]);
    expect((await both.sessionsOf(USER)).map(([sid]) => sid)).toEqual([SID]);
    expect(await both.write([[SID, '{"n":2}', FAR, "update", USER]])).toEqual([1]);
    const young = await openRedis(config("changed:", "the new key"));
    expect(await young.get([SID])).toEqual(['{"n":2}']);
    expect(await young.destroyAllOf(USER, null)).toBe(1);
    await expect(openRedis(config("changed:", KEY))).rejects.toMatchObject({
      code: "STORE_KEY_MISMATCH",
    });
  });

  it("are not mixed with others", async () => {
    await openRedis(config("plain:"));
    await openRedis(config("sealed:", KEY));
    for (const wrong of [
      config("plain:", KEY),
      config("sealed:"),
      config("sealed:", `not ${KEY}`),
    ]) {
      await expect(openRedis(wrong)).rejects.toMatchObject({ code: "STORE_KEY_MISMATCH" });
    }
  });
});
