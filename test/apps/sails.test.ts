/**
 * Owns the factory form, `(session) => class`, as Sails and other connect-style loaders call it:
 * with their own express-session, and then with their whole session configuration.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import express from "express";
import session from "express-session";
import LiteNoSQLStore from "express-session-isolate";
import imported from "express-session-isolate/connect";
import { describe, expect, it, onTestFinished } from "vitest";
import { Client, serve } from "../support/client.js";
import { invoke } from "../conformance/subject.js";
import { tempDirectory } from "../support/temp-dir.js";

const require = createRequire(import.meta.url);

type Adapter = typeof imported;
type Configuration = Record<string, unknown>;

/** What `sails.config.session` is with this adapter: Sails' own settings among the store's. */
function configurationOf(adapter: unknown, options: Configuration): Configuration {
  return {
    adapter,
    secret: "a secret of the application's",
    key: "sails.sid",
    name: "sails.sid",
    routesDisabled: [],
    cookie: { maxAge: 3_600_000, secure: false },
    isSessionDisabled: () => false,
    host: "localhost",
    port: 6379,
    db: 0,
    url: "redis://localhost:6379",
    prefix: "sess:",
    ...options,
  };
}

/**
 * Makes the store as the session hook of Sails 1 does, and adds it to the configuration: the
 * adapter is any object or function, is called with express-session, and what it answers is
 * constructed with the configuration.
 */
function loadAsSails(configuration: Configuration): LiteNoSQLStore {
  const adapter = configuration["adapter"] as Adapter;
  const CustomStore = adapter(session);
  const store = new CustomStore(configuration as never);
  onTestFinished(() => store.close());
  configuration["store"] = store;
  return store;
}

describe.each<[string, Adapter]>([
  ["imported", imported],
  ["required", require("express-session-isolate/connect") as Adapter],
])("the factory, %s", (_, adapter) => {
  it("is a function that answers a class of the given session's Store", () => {
    expect(adapter).toBeTypeOf("function");
    const Store = adapter(session);
    const store = new Store({ directory: tempDirectory() });
    onTestFinished(() => store.close());
    expect(store).toBeInstanceOf(session.Store);
    expect(store).toBeInstanceOf(Store);
  });

  it("extends the Store of the session that it is given, and no other", () => {
    class OtherStore extends session.MemoryStore {
      readonly other = true;
    }
    const otherSession = Object.assign(() => undefined, { Store: OtherStore });
    const Store = adapter(otherSession);
    const store = new Store({ directory: tempDirectory() });
    onTestFinished(() => store.close());
    expect(store).toBeInstanceOf(OtherStore);
    expect(store).toHaveProperty("other", true);
  });

  it("picks the options it knows, in both spellings, and ignores the rest", async () => {
    for (const where of ["directory", "pasta"]) {
      const directory = tempDirectory();
      const options = { [where]: directory, ttl: 60, colecao: "of-sails", isolate: false };
      const store = loadAsSails(configurationOf(adapter, options));
      await store.set("a", { user: "ann" } as never);
      expect(await store.get("a")).toStrictEqual({ user: "ann" });
      await store.close();
      const again = new LiteNoSQLStore({ directory, collection: "of-sails", isolate: false });
      onTestFinished(() => again.close());
      expect(await again.ids()).toEqual(["a"]);
    }
  });

  it("refuses a wrong value of an option it knows", () => {
    const directory = join(tempDirectory(), "data");
    const construct = (options: Configuration) => () =>
      loadAsSails(configurationOf(adapter, options));
    expect(construct({})).toThrow(/directory/);
    expect(construct({ directory, ttl: "60" })).toThrow(/ttl/);
    expect(construct({ directory, pasta: directory })).toThrow(/pasta/);
    expect(construct({ directory, durable: 1 })).toThrow(TypeError);
  });

  it.each([
    ["encryptionkey", "encryptionKey"],
    ["encryptionKeys", "encryptionKey"],
    ["encryption_key", "encryptionKey"],
    ["encriptionKey", "encryptionKey"],
    ["chaveencriptacao", "chaveEncriptacao"],
    ["duarble", "durable"],
    ["Directory", "directory"],
    ["TTL", "ttl"],
    ["ttlMS", "ttlMs"],
    ["isolated", "isolate"],
    ["maxPendingByte", "maxPendingBytes"],
  ])("refuses what is one of them but for its spelling: %s", (name, meant) => {
    const directory = join(tempDirectory(), "data");
    const configuration = configurationOf(adapter, { directory, [name]: "a secret" });
    expect(() => loadAsSails(configuration)).toThrow(
      expect.objectContaining({
        name: "TypeError",
        message: expect.stringContaining(`"${meant}"`) as string,
      }) as Error,
    );
    expect(existsSync(directory)).toBe(false);
  });

  it("takes no setting of something else for a misspelled option", async () => {
    const others = [
      ...["secret", "name", "key", "resave", "saveUninitialized", "rolling", "proxy", "unset"],
      ...["genid", "store", "cookie", "adapter", "host", "port", "pass", "user", "db", "url"],
      ...["path", "dir", "prefix", "client", "table", "mongoUrl", "dbName", "stringify", "ssl"],
      ...["socket", "cluster", "sentinels", "reapInterval", "checkPeriod", "touchAfter", "auto"],
      ...["routesDisabled", "isSessionDisabled", "collectionName", "autoRemove", "tls", "max"],
    ];
    const directory = tempDirectory();
    const settings = Object.fromEntries(others.map((name) => [name, "x"]));
    const Store = adapter(session);
    const store = new Store({ ...settings, directory });
    onTestFinished(() => store.close());
    await store.ready;
  });

  it.each([[undefined], [null], [{}], [{ directory: "./data" }], [() => undefined], ["session"]])(
    "says that it must be called with express-session: %o",
    (given) => {
      expect(() => adapter(given as never)).toThrow(/connect\(session\)/);
    },
  );

  it("serves sessions in an application, over a restart", async () => {
    const directory = tempDirectory();
    const start = async (): Promise<{ store: LiteNoSQLStore; address: string }> => {
      const configuration = configurationOf(adapter, { directory });
      const store = loadAsSails(configuration);
      const app = express();
      app.use(session({ resave: true, saveUninitialized: true, ...configuration } as never));
      app.get("/", (request, response) => {
        const data = request.session as unknown as { views?: number };
        data.views = (data.views ?? 0) + 1;
        response.json(data.views);
      });
      return { store, address: await serve(app) };
    };
    const first = await start();
    const client = new Client(first.address);
    expect((await client.get("/")).body).toBe(1);
    expect((await client.get("/")).body).toBe(2);
    expect(client.jar.header).toMatch(/^sails\.sid=/);
    await first.store.close();
    const second = await start();
    expect((await new Client(second.address, client.jar).get("/")).body).toBe(3);
    expect(await second.store.length()).toBe(1);
  });

  it("get and set as sails.session calls them", async () => {
    const store = loadAsSails(configurationOf(adapter, { directory: tempDirectory() }));
    const value = { cookie: { path: "/" }, user: "ann" };
    await invoke(store, "callback", "set", ["a", value]);
    const found = await invoke(store, "callback", "get", ["a"]);
    expect(found).toStrictEqual(value);
  });
});

it("what is required is the function itself, as `adapter` in a configuration must be", () => {
  expect(require("express-session-isolate/connect")).toBeTypeOf("function");
});

/** What of Sails 1 this test uses. */
interface SailsApp {
  readonly config: { readonly session: { readonly store: LiteNoSQLStore } };
  lift(configuration: Configuration, callback: (error?: Error) => void): void;
  lower(callback: () => void): void;
}

it("an application of Sails itself keeps its sessions over a restart", async () => {
  const { Sails } = require("sails") as { Sails: new () => SailsApp };
  const appPath = tempDirectory();
  const start = async (): Promise<{ app: SailsApp; address: string }> => {
    const port = await freePort();
    const app = new Sails();
    const off = ["grunt", "pubsub", "sockets", "views", "i18n", "blueprints", "userhooks"];
    const configuration = {
      appPath,
      port,
      explicitHost: "127.0.0.1",
      globals: false,
      hooks: Object.fromEntries(off.map((hook) => [hook, false])),
      log: { level: "silent" },
      session: {
        secret: "a secret of the application's",
        adapter: require("express-session-isolate/connect") as unknown,
        directory: join(appPath, "data"),
      },
      routes: {
        "GET /": (request: express.Request, response: express.Response) => {
          const data = request.session as unknown as { views?: number };
          data.views = (data.views ?? 0) + 1;
          return response.json(data.views);
        },
      },
    };
    await new Promise<void>((resolve, reject) => {
      app.lift(configuration, (error) => (error ? reject(error) : resolve()));
    });
    return { app, address: `http://127.0.0.1:${port}` };
  };
  const stop = async ({ app }: { app: SailsApp }): Promise<void> => {
    await new Promise<void>((resolve) => {
      app.lower(resolve);
    });
    await app.config.session.store.close();
  };

  const first = await start();
  const client = new Client(first.address);
  expect((await client.get("/")).body).toBe(1);
  expect((await client.get("/")).body).toBe(2);
  await stop(first);
  const second = await start();
  expect((await new Client(second.address, client.jar).get("/")).body).toBe(3);
  await stop(second);
});

/** Sails takes the port 0 for none given. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
