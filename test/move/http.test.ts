/** Owns what users see whose sessions move to this store, over HTTP and with the real connect-redis. */
import { createClient } from "@redis/client";
import { RedisStore } from "connect-redis";
import type session from "express-session";
import { IsolatedStore, type StoreOptions } from "express-session-isolate";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Client, type CookieJar, serve } from "../support/client.js";
import { application } from "../support/express/application.js";
import { HOUR_MS, shown } from "../support/express/visits.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const EXPIRING = { cookie: { maxAge: HOUR_MS }, rolling: true };

/** Users of an application over a store, each with an own browser. */
async function visit(store: session.Store): Promise<(jar?: CookieJar) => Client> {
  const address = await serve(application(store, EXPIRING));
  return (jar) => new Client(address, jar);
}

/** The store that sessions move to until the test has finished. */
function openMoved(
  server: Server,
  migrateFrom: StoreOptions["migrateFrom"],
  isolate = true,
): IsolatedStore {
  const redis = { url: server.url, prefix: "moved:" };
  const store = new IsolatedStore({
    ...{ redis, isolate, durable: true, migrateFrom },
  } as StoreOptions);
  onTestFinished(() => store.close());
  return store;
}

describe.skipIf(!HAS_SERVER)("over HTTP", () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start({ config: ["appendonly yes", "appendfsync always"] });
  });
  afterAll(() => server.stop());

  async function connectRedis() {
    const client = await createClient({ url: server.url }).connect();
    return {
      store: new RedisStore({ client }),
      close: async () => client.destroy(),
      migrateFrom: { redis: server.url, layout: "connect-redis" } as const,
    };
  }

  function files() {
    const directory = tempDirectory();
    const store = new IsolatedStore({ directory });
    return Promise.resolve({ store, close: () => store.close(), migrateFrom: { directory } });
  }

  it.each([
    ["connect-redis", connectRedis],
    ["files", files],
  ])("nobody who used %s is logged out, and nobody logged in again", async (_, open) => {
    server.cli("FLUSHALL");
    const old = await open();
    const before = await visit(old.store);
    const [ann, bob, eve] = [before(), before(), before()];
    const { sid } = await shown(ann.post("/login/ann"));
    await shown(ann.post("/put/colour/red"));
    await shown(bob.post("/login/bob"));
    await shown(eve.post("/login/eve"));
    const formerEve = eve.jar.copy();
    await shown(eve.post("/logout"));
    await old.close();

    const store = openMoved(server, old.migrateFrom);
    const after = await visit(store);
    const known = { sid, user: { name: "ann" }, data: { colour: "red" } };
    expect(await shown(after(ann.jar).get("/"))).toMatchObject(known);
    // Two of one browser at once, one of which logs out.
    const tab = bob.jar.copy();
    const formerBob = bob.jar.copy();
    await Promise.all([
      shown(after(bob.jar).post("/logout")),
      shown(after(tab).post("/put/colour/blue")),
    ]);
    expect(await shown(after(formerBob).get("/"))).toMatchObject({ user: null, data: {} });
    expect(await shown(after(formerEve).get("/"))).toMatchObject({ user: null, data: {} });
    await until(async () => (await store.stats()).migration?.left === 0);
    expect(await shown(after(ann.jar).get("/"))).toMatchObject(known);
    expect(await shown(after(formerBob).get("/"))).toMatchObject({ user: null, data: {} });
    expect(await shown(after(ann.jar).post("/put/colour/green"))).toMatchObject({
      user: known.user,
    });
    expect(await store.get(sid)).toMatchObject({ colour: "green" });
  });

  it("a store over files that were moved says so, and one in the process itself goes on", async () => {
    server.cli("FLUSHALL");
    const old = await files();
    const before = await visit(old.store);
    const ann = before();
    await shown(ann.post("/login/ann"));
    await old.close();
    const store = openMoved(server, old.migrateFrom);
    await store.ready;
    const refused = new IsolatedStore(old.migrateFrom);
    await expect(refused.ready).rejects.toMatchObject({ code: "STORE_MIGRATED" });
    await refused.close();
    await store.close();
    const after = await visit(openMoved(server, old.migrateFrom, false));
    expect(await shown(after(ann.jar).get("/"))).toMatchObject({ user: { name: "ann" } });
  });
});
