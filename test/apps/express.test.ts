/**
 * Owns the store's behavior behind the real express, express-session and passport, over HTTP: what
 * a browser sees. Run over MemoryStore as well, which proves the application of the tests.
 */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import express, { type ErrorRequestHandler, type Request, type RequestHandler } from "express";
import session from "express-session";
import LiteNoSQLStore from "express-session-isolate";
import passport from "passport";
import { describe, expect, it, onTestFinished } from "vitest";
import { Client, CookieJar, serve } from "../support/client.js";
import { invoke, type Stored } from "../conformance/subject.js";
import { tempDirectory } from "../support/temp-dir.js";
import { untilTime } from "../support/until.js";

const HOUR_MS = 3_600_000;

/** Opens a store in the directory, or in memory. */
type OpenStore = (directory: string) => session.Store;

const memory: [string, OpenStore] = ["MemoryStore", () => new session.MemoryStore()];
const lasting: [string, OpenStore][] = [
  ["isolate: true", (directory) => new LiteNoSQLStore({ directory, isolate: true })],
  ["isolate: false", (directory) => new LiteNoSQLStore({ directory, isolate: false })],
  ["encrypted", (directory) => new LiteNoSQLStore({ directory, encryptionKey: "a test's key" })],
];

/** The session of a request, as the data that these applications put there. */
function dataOf(request: Request): Stored {
  return request.session as unknown as Stored;
}

/** Logs in whom the path names, without a password. */
class NameStrategy extends passport.Strategy {
  override readonly name = "name";

  override authenticate(this: passport.StrategyCreated<this>, request: Request): void {
    this.success({ name: request.params["name"] });
  }
}

/** Answers with what the session has, and with its id. */
const show: RequestHandler = (request, response) => {
  const { cookie: _, ...data } = dataOf(request);
  response.json({ sid: request.sessionID, user: request.user ?? null, data });
};

/** An application whose users log in and out, and put values into their sessions. */
function application(
  store: session.Store,
  options: Partial<session.SessionOptions> = {},
): express.Express {
  const authenticator = new passport.Passport();
  authenticator.use(new NameStrategy());
  authenticator.serializeUser((user, done) => done(null, user));
  authenticator.deserializeUser((user: Express.User, done) => done(null, user));

  const app = express();
  app.use(
    session({ secret: "a test's", resave: false, saveUninitialized: false, ...options, store }),
  );
  app.use(authenticator.initialize());
  app.use(authenticator.session());

  app.get("/", show);
  app.post("/login/:name", authenticator.authenticate("name") as RequestHandler, show);
  app.post("/logout", (request, response, next) => {
    request.logout((error) => (error ? next(error) : show(request, response, next)));
  });
  app.post("/put/:key/:value", (request, response, next) => {
    dataOf(request)[request.params.key] = request.params.value;
    show(request, response, next);
  });
  app.post("/count", (request, response) => {
    const count = Number(dataOf(request)["count"] ?? 0) + 1;
    dataOf(request)["count"] = count;
    response.json(count);
  });
  return app;
}

/** Makes an express application answer errors as JSON; to be called after all its routes. */
function answerErrors(app: express.Express): void {
  const answer: ErrorRequestHandler = (error: { code?: string }, _request, response, _next) => {
    response.status(500).json({ code: error.code });
  };
  app.use(answer);
}

/** A handler that waits, so that a test decides what happens while its request is under way. */
class Gate {
  #enter!: () => void;
  #open!: () => void;

  /** Resolves when a request has its session and waits. */
  readonly entered = new Promise<void>((resolve) => (this.#enter = resolve));
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve));

  readonly handler: RequestHandler = (request, response, next) => {
    this.#enter();
    void this.#opened.then(() => show(request, response, next));
  };

  open(): void {
    this.#open();
  }
}

async function lengthOf(store: session.Store): Promise<unknown> {
  return invoke(store, "callback", "length", []);
}

async function stored(store: session.Store, sid: string): Promise<Stored | null> {
  return ((await invoke(store, "callback", "get", [sid])) ?? null) as Stored | null;
}

/** What {@link show} answers. */
interface Shown {
  readonly sid: string;
  readonly user: unknown;
  readonly data: Stored;
}

async function shown(answer: Promise<{ status: number; body: unknown }>): Promise<Shown> {
  const { status, body } = await answer;
  expect(status, JSON.stringify(body)).toBe(200);
  return body as Shown;
}

describe.each([memory, ...lasting])("%s", (_, open) => {
  function openStore(): session.Store {
    const store = open(tempDirectory());
    onTestFinished(async () => {
      if (store instanceof LiteNoSQLStore) await store.close();
    });
    return store;
  }

  async function start(
    options: Partial<session.SessionOptions> = {},
    addRoutes: (app: express.Express) => void = () => undefined,
  ): Promise<{ store: session.Store; client: Client }> {
    const store = openStore();
    const app = application(store, options);
    addRoutes(app);
    answerErrors(app);
    return { store, client: new Client(await serve(app)) };
  }

  it("a visit that puts nothing into its session leaves none", async () => {
    const { store, client } = await start();
    const { setCookie } = await client.get("/");
    expect(setCookie).toEqual([]);
    expect(await lengthOf(store)).toBe(0);
  });

  it("a session is kept from request to request", async () => {
    const { store, client } = await start();
    const first = await shown(client.post("/put/colour/red"));
    const second = await shown(client.get("/"));
    expect(second).toMatchObject({ sid: first.sid, data: { colour: "red" } });
    expect(await stored(store, first.sid)).toMatchObject({ colour: "red" });
    expect(await lengthOf(store)).toBe(1);
  });

  it("login makes a new id, and the old one is worth nothing", async () => {
    const { store, client } = await start();
    const before = await shown(client.post("/put/colour/red"));
    const stolen = client.copy();
    const after = await shown(client.post("/login/ann"));
    expect(after.sid).not.toBe(before.sid);
    expect(await shown(client.get("/"))).toMatchObject({ sid: after.sid, user: { name: "ann" } });
    expect(await stored(store, before.sid)).toBeNull();
    expect(await shown(stolen.get("/"))).toMatchObject({ user: null, data: {} });
    expect(await lengthOf(store)).toBe(1);
  });

  it("logout destroys the session", async () => {
    const { store, client } = await start();
    const { sid } = await shown(client.post("/login/ann"));
    const stolen = client.copy();
    expect(await shown(client.post("/logout"))).toMatchObject({ user: null });
    expect(await stored(store, sid)).toBeNull();
    expect(await shown(client.get("/"))).toMatchObject({ user: null });
    expect(await shown(stolen.get("/"))).toMatchObject({ user: null });
  });

  it("a request under way during logout does not bring the session back", async () => {
    const gate = new Gate();
    const { store, client } = await start({}, (app) => app.get("/slow", gate.handler));
    const { sid } = await shown(client.post("/login/ann"));
    const tab = client.copy();
    const slow = tab.copy().get("/slow");
    await gate.entered;
    await shown(client.post("/logout"));
    gate.open();
    expect(await shown(slow)).toMatchObject({ sid, user: { name: "ann" } });
    expect(await stored(store, sid)).toBeNull();
    expect(await shown(tab.get("/"))).toMatchObject({ user: null, data: {} });
  });

  it("a request under way during a change does not undo it", async () => {
    const gate = new Gate();
    const { store, client } = await start({ cookie: { maxAge: HOUR_MS } }, (app) =>
      app.get("/slow", gate.handler),
    );
    const { sid } = await shown(client.post("/put/colour/red"));
    const slow = client.copy().get("/slow");
    await gate.entered;
    await shown(client.post("/put/colour/blue"));
    await shown(client.post("/put/size/large"));
    gate.open();
    expect((await shown(slow)).data).toEqual({ colour: "red" });
    expect(await stored(store, sid)).toMatchObject({ colour: "blue", size: "large" });
    expect((await shown(client.get("/"))).data).toEqual({ colour: "blue", size: "large" });
  });

  it("any number of readers leave what one writer wrote", async () => {
    const { client } = await start({ cookie: { maxAge: HOUR_MS } });
    await shown(client.post("/put/colour/red"));
    for (const colour of ["blue", "green", "white"]) {
      const readers = (): Promise<Shown>[] =>
        Array.from({ length: 8 }, () => shown(client.get("/")));
      await Promise.all([...readers(), shown(client.post(`/put/colour/${colour}`)), ...readers()]);
      expect((await shown(client.get("/"))).data).toEqual({ colour });
    }
  });

  it("50 requests of one session at once", async () => {
    const { store, client } = await start();
    const { sid } = await shown(client.post("/login/ann"));
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.post("/count")));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const last = await shown(client.get("/"));
    expect(last).toMatchObject({ sid, user: { name: "ann" } });
    // Each writes back all that it read, so the last to write decides.
    expect(answers.map(({ body }) => body)).toContain(last.data["count"]);
    expect(await lengthOf(store)).toBe(1);
  });

  it("50 sessions at once", async () => {
    const { store, client } = await start();
    const clients = Array.from({ length: 50 }, () => client.copy());
    await Promise.all(clients.map((each, n) => shown(each.post(`/login/user-${n}`))));
    const found = await Promise.all(clients.map((each) => shown(each.get("/"))));
    expect(found.map(({ user }) => user)).toEqual(clients.map((_, n) => ({ name: `user-${n}` })));
    expect(await lengthOf(store)).toBe(50);
  });

  it("a redirect after save finds what was saved", async () => {
    const { client } = await start({}, (app) => {
      app.post("/enter", (request, response, next) => {
        dataOf(request)["entered"] = true;
        request.session.save((error) => (error ? next(error) : response.redirect("/")));
      });
    });
    const { location } = await client.post("/enter");
    expect((await shown(client.get(location ?? ""))).data).toEqual({ entered: true });
  });

  it("so does one that is followed before its body has come", async () => {
    const store = openStore();
    const app = application(store);
    app.post("/enter", (request, response) => {
      dataOf(request)["entered"] = true;
      response.redirect("/");
    });
    const address = await serve(app);
    const redirect = await fetch(`${address}/enter`, { method: "POST", redirect: "manual" });
    const jar = new CookieJar();
    jar.take(redirect.headers.getSetCookie());
    const followed = shown(new Client(address, jar).get(redirect.headers.get("location") ?? ""));
    expect((await followed).data).toEqual({ entered: true });
    await redirect.text();
  });

  it("destroy without a callback", async () => {
    const { store, client } = await start({}, (app) => {
      app.post("/leave", (request, response) => {
        request.session.destroy(undefined as never);
        response.json({});
      });
    });
    const { sid } = await shown(client.post("/login/ann"));
    const tab = client.copy();
    expect(await client.post("/leave")).toMatchObject({ status: 200, setCookie: [] });
    expect(await shown(tab.get("/"))).toMatchObject({ user: null });
    expect(await stored(store, sid)).toBeNull();
    expect(await lengthOf(store)).toBe(0);
  });

  it("unset: destroy", async () => {
    const { store, client } = await start({ unset: "destroy" }, (app) => {
      app.post("/unset", (request, response) => {
        request.session = null as never;
        response.json({});
      });
      app.post("/destroy", (request, response, next) => {
        request.session.destroy((error) => (error ? next(error) : response.json({})));
      });
    });
    for (const path of ["/unset", "/destroy"]) {
      const { sid } = await shown(client.post("/login/ann"));
      expect(await client.post(path)).toMatchObject({ status: 200 });
      expect(await stored(store, sid)).toBeNull();
      expect(await lengthOf(store)).toBe(0);
      expect(await shown(client.get("/"))).toMatchObject({ user: null });
    }
  });

  it("regenerate and reload", async () => {
    const { store, client } = await start({}, (app) => {
      app.post("/regenerate", (request, response, next) => {
        request.session.regenerate((error) => {
          dataOf(request)["fresh"] = true;
          if (error) next(error);
          else show(request, response, next);
        });
      });
      app.post("/reload", (request, response, next) => {
        dataOf(request)["colour"] = "forgotten";
        request.session.reload((error) => (error ? next(error) : show(request, response, next)));
      });
    });
    const first = await shown(client.post("/put/colour/red"));
    expect((await shown(client.post("/reload"))).data).toEqual({ colour: "red" });
    const second = await shown(client.post("/regenerate"));
    expect(second).toMatchObject({ data: { fresh: true } });
    expect(second.sid).not.toBe(first.sid);
    expect(await stored(store, first.sid)).toBeNull();
    expect((await shown(client.get("/"))).data).toEqual({ fresh: true });
  });

  it("every request prolongs the session, rolling its cookie too", async () => {
    const cookie = { maxAge: HOUR_MS };
    for (const rolling of [false, true]) {
      const { store, client } = await start({ cookie, rolling });
      const first = await shown(client.post("/put/colour/red"));
      const earlier = await expiryIn(store, first.sid);
      await untilTime(Date.now() + 2);
      const { setCookie } = await client.get("/");
      expect(setCookie).toHaveLength(rolling ? 1 : 0);
      expect(await expiryIn(store, first.sid)).toBeGreaterThan(earlier);
      expect((await shown(client.get("/"))).data).toEqual({ colour: "red" });
    }
  });

  it("resave: true", async () => {
    const { store, client } = await start({ resave: true, cookie: { maxAge: HOUR_MS } });
    const { sid } = await shown(client.post("/put/colour/red"));
    const earlier = await expiryIn(store, sid);
    await untilTime(Date.now() + 2);
    expect((await shown(client.get("/"))).data).toEqual({ colour: "red" });
    expect(await expiryIn(store, sid)).toBeGreaterThan(earlier);
    expect((await shown(client.get("/"))).data).toEqual({ colour: "red" });
    expect(await lengthOf(store)).toBe(1);
  });

  it("resave: true and saveUninitialized: true store every visit", async () => {
    const { store, client } = await start({ resave: true, saveUninitialized: true });
    const { sid } = await shown(client.get("/"));
    expect(await shown(client.get("/"))).toMatchObject({ sid });
    expect(await lengthOf(store)).toBe(1);
  });

  it("an expired cookie gives a new session", async () => {
    const { store, client } = await start({ cookie: { maxAge: 50 } });
    const first = await client.post("/put/colour/red");
    const { sid } = first.body as Shown;
    // Sent all the same: not every client looks at the clock.
    const cookies = new Client(client.address);
    cookies.jar.take(first.setCookie, 0);
    await untilTime(Date.now() + 50);
    const later = await shown(cookies.post("/put/size/large"));
    expect(later.sid).not.toBe(sid);
    expect(later.data).toEqual({ size: "large" });
    expect(await stored(store, sid)).toBeNull();
  });

  it("a cookie whose session the store never had gives a new session", async () => {
    const { client } = await start();
    const elsewhere = await start();
    const { sid } = await shown(elsewhere.client.post("/put/colour/red"));
    const stranger = new Client(client.address, elsewhere.client.jar.copy());
    const answer = await shown(stranger.get("/"));
    expect(answer).toMatchObject({ user: null, data: {} });
    expect(answer.sid).not.toBe(sid);
  });
});

/** The expiry that the stored cookie of the session has. */
async function expiryIn(store: session.Store, sid: string): Promise<number> {
  const found = await stored(store, sid);
  return Date.parse(String((found?.["cookie"] as Stored | undefined)?.["expires"]));
}

describe.each(lasting)("%s", (_, open) => {
  it("users stay logged in over a restart, and logged out too", async () => {
    const directory = tempDirectory();
    const first = open(directory) as LiteNoSQLStore;
    onTestFinished(() => first.close());
    const before = new Client(await serve(application(first)));
    const [ann, bob] = [before, before.copy()];
    const { sid } = await shown(ann.post("/login/ann"));
    await shown(ann.post("/put/colour/red"));
    await shown(bob.post("/login/bob"));
    const formerBob = bob.jar.copy();
    await shown(bob.post("/logout"));
    await first.close();

    const second = open(directory) as LiteNoSQLStore;
    onTestFinished(() => second.close());
    const address = await serve(application(second));
    expect(await shown(new Client(address, ann.jar).get("/"))).toMatchObject({
      sid,
      user: { name: "ann" },
      data: { colour: "red" },
    });
    expect(await shown(new Client(address, formerBob).get("/"))).toMatchObject({ user: null });
  });

  it("a store that fails is an error, never a session that is not there", async () => {
    const store = open(tempDirectory()) as LiteNoSQLStore;
    const app = application(store);
    answerErrors(app);
    const client = new Client(await serve(app));
    await shown(client.post("/login/ann"));
    await store.close();
    expect(await client.get("/")).toMatchObject({
      status: 500,
      body: { code: "STORE_CLOSED" },
      setCookie: [],
    });
    expect(await client.copy().get("/")).toMatchObject({ status: 500 });
  });

  // express-session takes an ENOENT for "no such session" and would log everyone out.
  it.skipIf(process.platform === "win32")("ENOENT is no code of the store's", async () => {
    const elsewhere = application(new session.MemoryStore());
    const user = new Client(await serve(elsewhere));
    await shown(user.post("/login/ann"));

    const parent = tempDirectory();
    const directory = join(parent, "link");
    symlinkSync(join(parent, "nowhere", "at", "all"), directory);
    const store = open(directory) as LiteNoSQLStore;
    onTestFinished(() => store.close());
    const reports: Error[] = [];
    store.on("error", (error: Error) => reports.push(error));
    const app = application(store);
    answerErrors(app);
    const client = new Client(await serve(app), user.jar);
    expect(await client.get("/")).toMatchObject({ status: 500, body: { code: "STORE_IO" } });
    expect(reports).toMatchObject([{ code: "STORE_IO" }]);
    expect(reports[0]?.cause).toMatchObject({ code: "ENOENT" });
  });
});
