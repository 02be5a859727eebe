/**
 * Owns that who was logged out stays so, behind the real express-session and passport: a request
 * that was under way stores nothing of a session that has ended meanwhile, and fails no more for it.
 */
import type { RequestHandler } from "express";
import IsolatedStore from "express-session-isolate";
import { describe, expect, it } from "vitest";
import { Client, serve } from "../../support/client.js";
import { application, dataOf, show } from "../../support/express/application.js";
import { Gate } from "../../support/express/gate.js";
import { HOUR_MS, shown, start, stored } from "../../support/express/visits.js";

const userOf = "passport.user.name";

const KINDS: readonly (readonly [name: string, open: (directory: string) => IsolatedStore])[] = [
  ["isolate: true", (directory) => new IsolatedStore({ directory, userOf })],
  ["isolate: false", (directory) => new IsolatedStore({ directory, userOf, isolate: false })],
  [
    "encrypted",
    (directory) => new IsolatedStore({ directory, userOf, encryptionKey: "a test's key" }),
  ],
];

/** Ends the session of a user, whose browser is the client. */
type End = (store: IsolatedStore, client: Client, sid: string) => Promise<unknown>;

const ENDS: Record<string, End> = {
  "its user logs out": (_, client) => client.post("/logout"),
  "its user logs out of another application": async (store, client) => {
    const other = await serve(application(store));
    return new Client(other, client.jar.copy()).post("/logout");
  },
  "its user is logged out everywhere": (store) => store.destroyAllOf("ann"),
  "it expires": async (store, _, sid) => {
    const cookie = { path: "/", expires: new Date(Date.now() - 1), originalMaxAge: HOUR_MS };
    await store.touch(sid, { cookie });
    expect(await store.ids()).toEqual([]);
  },
  "all are cleared": (store) => store.clear(),
};

/** What a request does with its session at last, before it shows it. */
const USES: Record<string, RequestHandler> = {
  "changes it": (request, _response, next) => {
    dataOf(request)["colour"] = "late";
    next();
  },
  "saves it": (request, _response, next) => {
    dataOf(request)["colour"] = "late";
    request.session.save(next);
  },
  "saves it twice": (request, _response, next) => {
    dataOf(request)["colour"] = "late";
    request.session.save((error: unknown) => {
      dataOf(request)["colour"] = "later";
      if (error) next(error);
      else request.session.save(next);
    });
  },
  "reloads it": (request, _response, next) => {
    request.session.reload((error: unknown) => {
      dataOf(request)["colour"] = String(error);
      next();
    });
  },
};

describe.each(KINDS)("%s: a request that", (_, open) => {
  const cases = Object.keys(USES).flatMap((use) => Object.keys(ENDS).map((end) => [use, end]));

  it.each(cases)("%s brings nothing back when meanwhile %s", async (use, end) => {
    const gate = new Gate();
    const { store, client } = await start(open, { cookie: { maxAge: HOUR_MS } }, (app) =>
      app.get("/slow", gate.handler, USES[use]!, show),
    );
    const { sid } = await shown(client.post("/login/ann"));
    const tab = client.copy();
    const slow = tab.copy().get("/slow");
    await gate.entered;
    await ENDS[end]!(store as IsolatedStore, client, sid);
    gate.open();
    expect(await shown(slow)).toMatchObject({ sid, data: { colour: expect.any(String) } });
    expect(await stored(store, sid)).toBeNull();
    expect(await (store as IsolatedStore).sessionsOf("ann")).toEqual([]);
    expect((await (store as IsolatedStore).stats()).refused).toBeGreaterThan(0);
    expect(await shown(tab.get("/"))).toMatchObject({ user: null, data: {} });
  });
});

describe.each(KINDS)("%s: what goes on working", (_, open) => {
  it("a login while all sessions of the user are ended, after that", async () => {
    const gate = new Gate();
    const { store, client } = await start(open, {}, (app) =>
      app.post("/slow/login/:name", gate.handler, (request, response) =>
        response.redirect(307, `/login/${String(request.params["name"])}`),
      ),
    );
    await shown(client.post("/login/ann"));
    const slow = client.post("/slow/login/ann");
    await gate.entered;
    expect(await (store as IsolatedStore).destroyAllOf("ann")).toBe(1);
    gate.open();
    expect((await slow).location).toBe("/login/ann");
    expect(await shown(client.post("/login/ann"))).toMatchObject({ user: { name: "ann" } });
    expect(await shown(client.get("/"))).toMatchObject({ user: { name: "ann" } });
  });

  it("rotation by hand: stored under a new id, destroyed under the old one", async () => {
    const { store, client } = await start(open, {}, (app) => {
      app.post("/rotate", (request, response, next) => {
        const { sessionID: old, session, sessionStore } = request;
        sessionStore.set("a new id", session, (error) => {
          if (error) {
            next(error);
            return;
          }
          sessionStore.destroy(old, (failure) =>
            failure ? next(failure) : response.json({ old }),
          );
        });
      });
    });
    const { sid } = await shown(client.post("/login/ann"));
    expect(await client.post("/rotate")).toMatchObject({ status: 200, body: { old: sid } });
    expect(await (store as IsolatedStore).ids()).toEqual(["a new id"]);
    expect(await stored(store, "a new id")).toMatchObject({ passport: { user: { name: "ann" } } });
  });

  it("a genid that uses an id again", async () => {
    const { store, client } = await start(open, { genid: () => "always this" });
    for (const name of ["ann", "bob"]) {
      expect(await shown(client.post(`/login/${name}`))).toMatchObject({ sid: "always this" });
      expect(await shown(client.post("/put/colour/red"))).toMatchObject({ user: { name } });
      expect(await shown(client.get("/"))).toMatchObject({
        user: { name },
        data: { colour: "red" },
      });
      await shown(client.post("/logout"));
      expect(await stored(store, "always this")).not.toHaveProperty("passport.user");
    }
  });

  it("a session that is stored by hand after it was destroyed", async () => {
    const { store, client } = await start(open);
    const { sid } = await shown(client.post("/login/ann"));
    const data = await (store as IsolatedStore).get(sid);
    await (store as IsolatedStore).destroy(sid);
    expect(await shown(client.get("/"))).toMatchObject({ user: null });
    await (store as IsolatedStore).set(sid, data!);
    await (store as IsolatedStore).set(sid, data!);
    expect(await shown(client.get("/"))).toMatchObject({ sid, user: { name: "ann" } });
  });

  it.each([
    ["rolling", { rolling: true, cookie: { maxAge: HOUR_MS } }],
    ["saveUninitialized", { saveUninitialized: true }],
    ["resave", { resave: true }],
  ])("%s", async (_name, options) => {
    const { client } = await start(open, options);
    await shown(client.post("/put/colour/red"));
    const { sid } = await shown(client.post("/login/ann"));
    for (const colour of ["blue", "green"]) {
      await shown(client.post(`/put/colour/${colour}`));
      const expected = { sid, user: { name: "ann" }, data: { colour } };
      for (let n = 0; n < 2; n++) expect(await shown(client.get("/"))).toMatchObject(expected);
    }
    await shown(client.post("/logout"));
    expect(await shown(client.get("/"))).toMatchObject({ user: null });
  });

  it("two applications over one store", async () => {
    const { store, client } = await start(open);
    const other = new Client(await serve(application(store)), client.jar);
    const { sid } = await shown(client.post("/login/ann"));
    for (const each of [other, client, other]) {
      const { data } = await shown(each.get("/"));
      const count = Number(data["count"] ?? 0) + 1;
      expect(await each.post("/count")).toMatchObject({ status: 200, body: count });
    }
    expect(await shown(client.get("/"))).toMatchObject({ sid, data: { count: 3 } });
    await shown(other.post("/logout"));
    expect(await shown(client.get("/"))).toMatchObject({ user: null, data: {} });
  });
});
