/** Owns what becomes of sessions in files that are moved to a real Redis server while they are used. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { StoreError } from "../../src/protocol/errors.js";
import { filesWith } from "../support/directory.js";
import { openWorld } from "../support/engine-world.js";
import {
  fromFiles,
  migration,
  movingConfig,
  openMoving,
  untilDone,
  untilMoved,
} from "../support/move/engines.js";
import { fileSessions } from "../support/move/old-places.js";
import { openRedis } from "../support/redis/engines.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { KEY, SECRET_BODY } from "../support/secrets.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const FAR = Date.UTC(2100, 0, 1);
const NEW_KEY = "another key than that of the files";
const text = (n: number): string => JSON.stringify({ n });
const codes = (reports: readonly StoreError[]): string[] => reports.map(({ code }) => code);

describe.skipIf(!HAS_SERVER)("from files", () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start({ config: ["appendonly yes", "appendfsync always"] });
  });
  afterAll(() => server.stop());

  it.each([
    ["plain", [], []],
    ["encrypted on both sides", [KEY], [NEW_KEY]],
  ])("a session comes over with all that is known of it: %s", async (_, oldKeys, newKeys) => {
    const directory = tempDirectory();
    const sessions = [
      { sid: "ann 1", json: text(1), expiresAt: FAR + 1, user: "ann" },
      { sid: "ann 2", json: text(2), expiresAt: FAR + 2, user: "ann", cookie: '{"c":2}' },
      { sid: "nobody's", json: `{"n":3,"of":"${SECRET_BODY} ☃"}`, expiresAt: FAR + 3 },
    ];
    await fileSessions(directory, sessions, { encryptionKeys: oldKeys });
    const old = await openWorld(directory, { config: { encryptionKeys: oldKeys, hasUsers: true } });
    const listed = await old.sessionsOf("ann");
    await old.close();

    const config = movingConfig(server, fromFiles(directory, oldKeys), { encryptionKeys: newKeys });
    const engine = await openMoving(config);
    await untilMoved(engine);
    expect(await engine.sessionsOf("ann")).toEqual(listed);
    const found = await engine.get(["ann 1", "ann 2", "nobody's"]);
    expect(found).toEqual([text(1), [text(2), '{"c":2}'], sessions[2]!.json]);
    const keys = server.cli("KEYS", `${config.redis.prefix}s:*`).split("\n");
    const expiries = keys.map((key) => Number(server.cli("PEXPIRETIME", key)));
    expect(expiries.sort()).toEqual([FAR + 1, FAR + 2, FAR + 3]);
    const stored = keys.map((key) => server.cli("HGET", key, "d")).join();
    expect(stored.includes(SECRET_BODY)).toBe(newKeys.length === 0);
  });

  it("stats say how many are left, and when the old place is done with", async () => {
    const directory = tempDirectory();
    const sids = Array.from({ length: 20 }, (_, n) => `sid ${n}`);
    await fileSessions(
      directory,
      sids.map((sid, n) => ({ sid, json: text(n), expiresAt: FAR })),
    );
    const config = movingConfig(server, fromFiles(directory), { failAfterMs: 500 });
    const engine = await openMoving(config);
    expect(await engine.length()).toBe(20);
    const { migration: first, sessions } = await engine.stats();
    expect(sessions).toBe(20);
    expect(first).toMatchObject({ done: false });
    expect(first!.left + first!.moved).toBeGreaterThanOrEqual(20);
    expect(await untilDone(engine)).toEqual({ left: 0, moved: 20, done: true });
    expect(await engine.stats()).toMatchObject({ sessions: 20 });
    expect(new Set(await engine.ids())).toEqual(new Set(sids));
    const plain = await openRedis(config);
    expect(await plain.stats()).not.toHaveProperty("migration");
  });

  it("requests go on meanwhile, and each session is as they left it", async () => {
    const directory = tempDirectory();
    const sids = Array.from({ length: 800 }, (_, n) => `sid ${n}`);
    await fileSessions(
      directory,
      sids.map((sid, n) => ({ sid, json: text(n), expiresAt: FAR + n })),
    );
    const engine = await openMoving(movingConfig(server, fromFiles(directory)));
    const answers = await Promise.all(
      sids.map(async (sid, n) => {
        switch (n % 4) {
          case 0:
            return (await engine.get([sid]))[0];
          case 1:
            return (await engine.write([[sid, text(-n), FAR, "update"]]))[0];
          case 2:
            return (await engine.touch([[sid, '{"c":1}', FAR]]))[0];
          default:
            return (await engine.write([[sid]]))[0];
        }
      }),
    );
    expect(answers).toEqual(sids.map((_, n) => [text(n), 1, true, 1][n % 4]));
    await untilMoved(engine);
    expect(await engine.get(sids)).toEqual(
      sids.map((_, n) => [text(n), text(-n), [text(n), '{"c":1}'], null][n % 4]),
    );
    const left = sids.filter((_, n) => n % 4 !== 3);
    expect(new Set(await engine.ids())).toEqual(new Set(left));
  });

  it("the sessions of a user end where they are, and so do all", async () => {
    const directory = tempDirectory();
    const of = (user: string, n: number) => ({
      ...{ sid: `${user} ${n}`, json: text(n), expiresAt: FAR, user },
    });
    const anns = Array.from({ length: 100 }, (_, n) => of("ann", n));
    await fileSessions(directory, [...anns, of("bob", 1), of("bob", 2)]);
    const config = movingConfig(server, fromFiles(directory), { failAfterMs: 2_000 });
    const engine = await openMoving(config);
    expect(await engine.destroyAllOf("ann", "ann 7")).toBe(99);
    expect((await engine.ids()).sort()).toEqual(["ann 7", "bob 1", "bob 2"]);
    expect(await engine.clear()).toBe(3);
    expect(await engine.ids()).toEqual([]);
    await untilDone(engine);
    expect(await engine.get(["ann 7", "bob 1"])).toEqual([null, null]);
  });

  it("the files are opened by nobody else from then on, but by the same again", async () => {
    const directory = tempDirectory();
    await fileSessions(directory, [{ sid: "a", json: text(1), expiresAt: FAR }]);
    const refused = () =>
      expect(openWorld(directory)).rejects.toMatchObject({ code: "STORE_MIGRATED" });
    const config = movingConfig(server, fromFiles(directory), { failAfterMs: 500 });
    const engine = await openMoving(config);
    // Before it is looked who holds the lock, which takes seconds.
    await refused();
    await untilDone(engine);
    await refused();
    await engine.close();
    await refused();
    const again = await openMoving(config);
    expect(await again.get(["a"])).toEqual([text(1)]);
    expect(await untilDone(again)).toEqual({ left: 0, moved: 0, done: true });
  });

  it("a collection of its own beside it is left alone", async () => {
    const directory = tempDirectory();
    const sessions = [{ sid: "a", json: text(1), expiresAt: FAR }];
    await fileSessions(directory, sessions);
    await fileSessions(directory, sessions, { collection: "admin" });
    await untilMoved(await openMoving(movingConfig(server, fromFiles(directory))));
    const other = await openWorld(directory, { config: { collection: "admin" } });
    expect(await other.get(["a"])).toEqual([text(1)]);
    await other.close();
  });

  it("no session stays in the files", async () => {
    const directory = tempDirectory();
    const json = JSON.stringify({ of: SECRET_BODY });
    await fileSessions(directory, [{ sid: "a", json, expiresAt: FAR }]);
    expect(filesWith(directory, [SECRET_BODY])).not.toEqual([]);
    const engine = await openMoving(
      movingConfig(server, fromFiles(directory), { failAfterMs: 500 }),
    );
    await untilDone(engine);
    await engine.close();
    expect(filesWith(directory, [SECRET_BODY])).toEqual([]);
  });

  it("a directory without sessions is refused, and is not made", async () => {
    const directory = join(tempDirectory(), "misspelled");
    const opening = openMoving(movingConfig(server, fromFiles(directory)));
    await expect(opening).rejects.toMatchObject({ code: "STORE_IO" });
    expect(existsSync(directory)).toBe(false);
  });

  it("files that cannot be opened are not marked: whoever used them still may", async () => {
    const directory = tempDirectory();
    const sessions = [{ sid: "a", json: text(1), expiresAt: FAR }];
    await fileSessions(directory, sessions, { encryptionKeys: [KEY] });
    const opening = openMoving(movingConfig(server, fromFiles(directory, [NEW_KEY])));
    await expect(opening).rejects.toMatchObject({ code: "STORE_KEY_MISMATCH" });
    const old = await openWorld(directory, { config: { encryptionKeys: [KEY] } });
    expect(await old.get(["a"])).toEqual([text(1)]);
    await old.close();
  });

  it.each([
    [false, ["STORE_NOT_DURABLE"]],
    [true, []],
  ])("what durable does not ask for is reported once: %s", async (durable, expected) => {
    const directory = tempDirectory();
    await fileSessions(directory, [{ sid: "a", json: text(1), expiresAt: FAR }]);
    const reports: StoreError[] = [];
    const config = movingConfig(server, fromFiles(directory), { durable });
    const engine = await openMoving(config, reports);
    await untilMoved(engine);
    expect(codes(reports)).toEqual(expected);
  });

  it("what stops it is reported once, and it goes on when that is over", async () => {
    const directory = tempDirectory();
    const sids = Array.from({ length: 200 }, (_, n) => `sid ${n}`);
    await fileSessions(
      directory,
      sids.map((sid, n) => ({ sid, json: text(n), expiresAt: FAR })),
    );
    const reports: StoreError[] = [];
    const config = movingConfig(server, fromFiles(directory), { durable: true });
    const engine = await openMoving(config, reports);
    server.cli("CONFIG", "SET", "maxmemory", "1");
    await until(() => reports.length > 0);
    await expect(engine.get(["sid 199"])).rejects.toMatchObject({ code: "STORE_IO" });
    expect((await migration(engine)).left).toBeGreaterThan(0);
    server.cli("CONFIG", "SET", "maxmemory", "0");
    await untilMoved(engine);
    expect(codes(reports)).toEqual(["STORE_IO"]);
    expect(await engine.get(sids)).toEqual(sids.map((_, n) => text(n)));
  });

  it.each([
    ["between two milliseconds", FAR + 0.5, FAR + 1],
    ["later than any date", 1e300, 8.64e15],
  ])("a session comes over that ends %s, as one of lite-nosql may", async (_, at, end) => {
    const directory = tempDirectory();
    const session = { json: text(1), expiresAt: at };
    await fileSessions(directory, [
      { sid: "ann's", ...session, user: "ann" },
      { sid: "nobody's", ...session },
    ]);
    const config = movingConfig(server, fromFiles(directory));
    const engine = await openMoving(config);
    for (const sid of ["ann's", "nobody's"]) {
      expect(await engine.get([sid])).toEqual([text(1)]);
      expect(Number(server.cli("PEXPIRETIME", `${config.redis.prefix}s:${sid}`))).toBe(end);
    }
  });

  it("where the server stands still no call is kept longer than another of its session", async () => {
    const directory = tempDirectory();
    await fileSessions(directory, [{ sid: "a", json: text(1), expiresAt: FAR }]);
    const engine = await openMoving(
      movingConfig(server, fromFiles(directory), { failAfterMs: 1_000 }),
    );
    await untilDone(engine);
    server.signal("SIGSTOP");
    onTestFinished(() => server.signal("SIGCONT"));
    const ended: string[] = [];
    const end = (name: string) => () => void ended.push(name);
    for (let n = 0; n < 3; n++) void engine.write([["a", text(n), FAR]]).then(end("set"));
    engine.get(["a"]).then(end("get"), end("get"));
    engine.touch([["a", null, FAR]]).then(end("touch"), end("touch"));
    // It was made last, and waits for none of them.
    await engine.write([["b", text(1), FAR]]);
    await turn();
    expect(ended.sort()).toEqual(["get", "set", "set", "set", "touch"]);
  });
});
