/**
 * Owns logging in and out behind the real express-session and passport: the new id of a login, and
 * sessions that are gone once they are destroyed.
 */
import { describe, expect, it } from "vitest";
import { lengthOf, shown, start, stored, STORES } from "../../support/express/visits.js";

describe.each(STORES)("%s", (_, open) => {
  it("login makes a new id, and the old one is worth nothing", async () => {
    const { store, client } = await start(open);
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
    const { store, client } = await start(open);
    const { sid } = await shown(client.post("/login/ann"));
    const stolen = client.copy();
    expect(await shown(client.post("/logout"))).toMatchObject({ user: null });
    expect(await stored(store, sid)).toBeNull();
    expect(await shown(client.get("/"))).toMatchObject({ user: null });
    expect(await shown(stolen.get("/"))).toMatchObject({ user: null });
  });

  it("destroy without a callback", async () => {
    const { store, client } = await start(open, {}, (app) => {
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
    const { store, client } = await start(open, { unset: "destroy" }, (app) => {
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
});
