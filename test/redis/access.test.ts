/** Owns who may use a server, and how it is reached: users, passwords, TLS, databases, modules. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { StoreError } from "../../src/protocol/errors.js";
import { openRedis, redisConfig } from "../support/redis/engines.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const FAR = Date.UTC(2100, 0, 1);
const PASSWORD = "the password of the server";

/** What the engine needs, and nothing else: neither CONFIG nor INFO. */
const ACL =
  "user app on >secret ~app:* resetchannels -@all +hello +auth +select " +
  "+script|load +evalsha +time +hmget +scan +get +set +zrange " +
  "+hset +hdel +unlink +pexpireat +zadd +zremrangebyscore +pttl +zscore +zrem";

describe.skipIf(!HAS_SERVER)("a server with users", () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start({
      config: [`requirepass "${PASSWORD}"`, ACL],
      cliArgs: ["--no-auth-warning", "-a", PASSWORD],
    });
  });
  afterAll(() => server.stop());

  it("takes the password", async () => {
    const engine = await openRedis(
      redisConfig({ addresses: [server.address], password: PASSWORD }),
    );
    expect(await engine.write([["a", "{}", FAR]])).toEqual([0]);
  });

  it.each([
    ["a wrong password", { password: "wrong" }],
    ["no password", {}],
    ["an unknown user", { username: "nobody", password: PASSWORD }],
  ])("denies %s, and the password is not told", async (_, given) => {
    const failure = await openRedis(redisConfig({ addresses: [server.address], ...given })).catch(
      (error: unknown) => error as StoreError,
    );
    expect(failure).toMatchObject({ code: "STORE_DENIED" });
    expect((failure as StoreError).message).not.toMatch(/wrong |the password of/);
  });

  it("needs to allow no more than is documented", async () => {
    const user = { username: "app", password: "secret", prefix: "app:" };
    const engine = await openRedis(redisConfig({ addresses: [server.address], ...user }));
    expect(await engine.write([["a", "{}", FAR, "put", "ann"]])).toEqual([0]);
    expect(await engine.touch([["a", "{}", FAR + 1]])).toEqual([true]);
    expect(await engine.get(["a"])).toEqual([["{}", "{}"]]);
    expect(await engine.sessionsOf("ann")).toHaveLength(1);
    expect(await engine.destroyAllOf("ann", null)).toBe(1);
    expect(await engine.ids()).toEqual([]);
    expect(await engine.clear()).toBe(0);
    const page = readFileSync(new URL("../../docs/redis.md", import.meta.url), "utf8");
    expect(page.replace(/\s+/g, " ")).toContain(ACL.slice(ACL.indexOf("-@all")));
  });

  it("that allows too little says so", async () => {
    const user = { username: "app", password: "secret", prefix: "theirs:" };
    await expect(
      openRedis(redisConfig({ addresses: [server.address], ...user })),
    ).rejects.toMatchObject({ code: "STORE_DENIED" });
  });

  it("that changes the password denies what is called then", async () => {
    server.cli("ACL", "SETUSER", "passing", "on", ">first", "~*", "+@all");
    const user = { username: "passing", password: "first", failAfterMs: 500 };
    const engine = await openRedis(redisConfig({ addresses: [server.address], ...user }));
    await engine.write([["a", "{}", FAR]]);
    server.cli("ACL", "SETUSER", "passing", "resetpass", ">second");
    server.cli("CLIENT", "KILL", "USER", "passing");
    await until(async () => {
      const code = await engine.get(["a"]).catch((error: unknown) => (error as StoreError).code);
      return code === "STORE_DENIED";
    });
  });

  it("is reached through a module of the application, which knows the password", async () => {
    const file = join(tempDirectory(), "client.mjs");
    const client = import.meta.resolve("@redis/client");
    writeFileSync(
      file,
      `import { createClient } from ${JSON.stringify(client)};
      export default (options) => createClient({ ...options, password: ${JSON.stringify(PASSWORD)} });`,
    );
    const module = pathToFileURL(file).href;
    const engine = await openRedis(redisConfig({ addresses: [server.address], module }));
    expect(await engine.write([["a", "{}", FAR]])).toEqual([0]);
  });

  it("is reached by its socket", async () => {
    const path = join(tempDirectory(), "redis.sock");
    const local = await Server.start({ config: [`unixsocket ${path}`] });
    onTestFinished(() => local.stop());
    const engine = await openRedis(redisConfig({ addresses: [], path }));
    expect(await engine.write([["a", "{}", FAR]])).toEqual([0]);
  });

  it("keeps databases apart", async () => {
    const config = redisConfig({ addresses: [server.address], password: PASSWORD, database: 3 });
    const engine = await openRedis(config);
    await engine.write([["a", "{}", FAR]]);
    const elsewhere = await openRedis({ ...config, redis: { ...config.redis, database: 0 } });
    expect(await elsewhere.get(["a"])).toEqual([null]);
    expect(await engine.ids()).toEqual(["a"]);
  });
});

describe.skipIf(!HAS_SERVER)("a server with TLS", () => {
  let server: Server;
  let ca: string;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "express-session-isolate-tls-"));
    const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert],
        ...["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
      ],
      { stdio: "ignore" },
    );
    ca = readFileSync(cert, "utf8");
    const tls = ["--tls", "--cacert", cert];
    server = await Server.start({
      tls: true,
      config: [
        `tls-cert-file ${cert}`,
        `tls-key-file ${key}`,
        `tls-ca-cert-file ${cert}`,
        "tls-auth-clients no",
      ],
      cliArgs: tls,
    });
  });
  afterAll(async () => {
    await server.stop();
    rmSync(directory, { recursive: true });
  });

  it("is reached by who trusts it", async () => {
    const engine = await openRedis(redisConfig({ addresses: [server.address], tls: { ca } }));
    expect(await engine.write([["a", "{}", FAR]])).toEqual([0]);
  });

  it("is not used by who does not", async () => {
    for (const tls of [{}, null]) {
      await expect(
        openRedis(redisConfig({ addresses: [server.address], tls, failAfterMs: 500 })),
      ).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
    }
  });
});
