/** The example over Redis: two servers, as on two machines, have the same sessions. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ExampleServer, logIn } from "../support/express/example-server.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { tempDirectory } from "../support/temp-dir.js";

describe.skipIf(!HAS_SERVER)("with REDIS_URL", () => {
  let redis: Server;
  beforeAll(async () => {
    redis = await Server.start();
  });
  afterAll(() => redis.stop());

  it("who has logged in on one server is known to the other, and logged out on both", async () => {
    const env = { REDIS_URL: redis.url, SESSION_SECRET: "a secret of the test's own" };
    const [one, other] = [
      new ExampleServer(tempDirectory(), env),
      new ExampleServer(tempDirectory(), env),
    ];
    const cookie = await logIn(one);
    const me = (server: ExampleServer) => server.request("/me", { headers: { cookie } });
    expect(await (await me(other)).json()).toMatchObject({ userId: "123", visits: 1 });
    expect(await (await me(one)).json()).toMatchObject({ userId: "123", visits: 2 });
    const logout = await other.request("/logout", { method: "POST", headers: { cookie } });
    expect(logout.status).toBe(200);
    expect((await me(one)).status).toBe(401);
    const exits = await Promise.all([one.stop("SIGTERM"), other.stop("SIGTERM")]);
    expect(exits).toMatchObject([{ code: 0 }, { code: 0 }]);
  });
});
