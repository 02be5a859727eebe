/**
 * Owns the store's behavior behind the real @fastify/session, which calls `get`, `set` and
 * `destroy` alone and sets the session on every request.
 */
import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import LiteNoSQLStore from "express-session-isolate";
import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { describe, expect, it, onTestFinished } from "vitest";
import { CookieJar } from "../support/client.js";
import type { Stored } from "../conformance/subject.js";
import { tempDirectory } from "../support/temp-dir.js";
import { untilPast } from "../support/until.js";

const HOUR_MS = 3_600_000;

/** The session of a request, as the data that this application puts there. */
function dataOf(request: FastifyRequest): Stored {
  return request.session as unknown as Stored;
}

function application(store: LiteNoSQLStore, maxAge = HOUR_MS): FastifyInstance {
  const app = Fastify();
  app.register(fastifyCookie);
  app.register(fastifySession, {
    secret: "a secret of at least thirty-two characters",
    cookie: { secure: false, maxAge },
    saveUninitialized: false,
    store,
  });
  const show = (request: FastifyRequest): Stored => {
    const { user = null, count = null } = dataOf(request);
    return { sid: request.session.sessionId, user, count };
  };
  app.get("/", (request) => show(request));
  app.post<{ Params: { name: string } }>("/login/:name", async (request) => {
    await request.session.regenerate();
    dataOf(request)["user"] = request.params.name;
    return show(request);
  });
  app.post("/logout", async (request) => {
    await request.session.destroy();
    return {};
  });
  app.post("/count", (request) => {
    dataOf(request)["count"] = Number(dataOf(request)["count"] ?? 0) + 1;
    return show(request);
  });
  app.post("/reload", async (request) => {
    dataOf(request)["user"] = "forgotten";
    await request.session.reload();
    return show(request);
  });
  onTestFinished(async () => {
    await app.close();
  });
  return app;
}

/** Requests as a browser with these cookies makes them; answers the body. */
function browser(app: FastifyInstance, jar = new CookieJar()) {
  return async (method: "GET" | "POST", url: string): Promise<Stored> => {
    const response = await app.inject({ method, url, headers: { cookie: jar.header } });
    jar.take([response.headers["set-cookie"] ?? []].flat());
    expect(response.statusCode, response.body).toBe(200);
    return response.json();
  };
}

describe.each([
  { isolate: true },
  { isolate: false },
  { isolate: true, encryptionKey: "a key of the test's own" },
])("@fastify/session with %o", (configuration) => {
  function openStore(directory = tempDirectory()): LiteNoSQLStore {
    const store = new LiteNoSQLStore({ ...configuration, directory });
    onTestFinished(() => store.close());
    return store;
  }

  it("a session is set, read and set again", async () => {
    const store = openStore();
    const request = browser(application(store));
    const { sid } = await request("POST", "/count");
    expect(await request("POST", "/count")).toMatchObject({ sid, count: 2 });
    expect(await request("GET", "/")).toMatchObject({ sid, count: 2 });
    expect(await store.get(String(sid))).toMatchObject({ count: 2 });
    expect(await store.length()).toBe(1);
  });

  it("a visit that puts nothing into its session leaves none", async () => {
    const store = openStore();
    await browser(application(store))("GET", "/");
    expect(await store.length()).toBe(0);
  });

  it("login regenerates: a new id, and the old one is worth nothing", async () => {
    const store = openStore();
    const app = application(store);
    const jar = new CookieJar();
    const request = browser(app, jar);
    const before = await request("POST", "/count");
    const stolen = browser(app, jar.copy());
    const after = await request("POST", "/login/ann");
    expect(after["sid"]).not.toBe(before["sid"]);
    expect(await request("GET", "/")).toMatchObject({ sid: after["sid"], user: "ann" });
    expect(await store.get(String(before["sid"]))).toBeNull();
    expect(await stolen("GET", "/")).toMatchObject({ user: null, count: null });
  });

  it("logout destroys", async () => {
    const store = openStore();
    const app = application(store);
    const jar = new CookieJar();
    const request = browser(app, jar);
    await request("POST", "/login/ann");
    const stolen = browser(app, jar.copy());
    await request("POST", "/logout");
    expect(await store.length()).toBe(0);
    expect(await stolen("GET", "/")).toMatchObject({ user: null });
  });

  it("reload", async () => {
    const request = browser(application(openStore()));
    await request("POST", "/login/ann");
    expect(await request("POST", "/reload")).toMatchObject({ user: "ann" });
  });

  it("an expired session is none", async () => {
    const store = openStore();
    const app = application(store, 50);
    const { sid } = await browser(app)("POST", "/count");
    await untilPast(Date.now() + 50);
    expect(await store.get(String(sid))).toBeNull();
    expect(await store.length()).toBe(0);
  });

  it("sessions outlive the store", async () => {
    const directory = tempDirectory();
    const jar = new CookieJar();
    const first = openStore(directory);
    const { sid } = await browser(application(first), jar)("POST", "/login/ann");
    await first.close();
    const second = openStore(directory);
    const request = browser(application(second), jar);
    expect(await request("GET", "/")).toMatchObject({ sid, user: "ann" });
    expect(await request("POST", "/count")).toMatchObject({ sid, user: "ann", count: 1 });
  });

  it("50 requests of one session at once", async () => {
    const store = openStore();
    const request = browser(application(store));
    const { sid } = await request("POST", "/login/ann");
    const answers = await Promise.all(Array.from({ length: 50 }, () => request("POST", "/count")));
    const last = await request("GET", "/");
    expect(last).toMatchObject({ sid, user: "ann" });
    expect(answers.map(({ count }) => count)).toContain(last["count"]);
    expect(await store.length()).toBe(1);
  });
});
