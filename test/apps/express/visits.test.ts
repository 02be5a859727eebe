/**
 * Owns what a browser sees of the store behind the real express and express-session: what is kept
 * from visit to visit, through redirects, regenerations and reloads.
 */
import { describe, expect, it } from "vitest";
import { Client, CookieJar, serve } from "../../support/client.js";
import { application, dataOf, show } from "../../support/express/application.js";
import {
  lengthOf,
  openUntilFinished,
  shown,
  start,
  stored,
  STORES,
} from "../../support/express/visits.js";

describe.each(STORES)("%s", (_, open) => {
  it("a visit that puts nothing into its session leaves none", async () => {
    const { store, client } = await start(open);
    const { setCookie } = await client.get("/");
    expect(setCookie).toEqual([]);
    expect(await lengthOf(store)).toBe(0);
  });

  it("a session is kept from request to request", async () => {
    const { store, client } = await start(open);
    const first = await shown(client.post("/put/colour/red"));
    const second = await shown(client.get("/"));
    expect(second).toMatchObject({ sid: first.sid, data: { colour: "red" } });
    expect(await stored(store, first.sid)).toMatchObject({ colour: "red" });
    expect(await lengthOf(store)).toBe(1);
  });

  it("a redirect after save finds what was saved", async () => {
    const { client } = await start(open, {}, (app) => {
      app.post("/enter", (request, response, next) => {
        dataOf(request)["entered"] = true;
        request.session.save((error) => (error ? next(error) : response.redirect("/")));
      });
    });
    const { location } = await client.post("/enter");
    expect((await shown(client.get(location ?? ""))).data).toEqual({ entered: true });
  });

  it("so does one that is followed before its body has come", async () => {
    const store = openUntilFinished(open);
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

  it("regenerate and reload", async () => {
    const { store, client } = await start(open, {}, (app) => {
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
});
