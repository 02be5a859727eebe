/**
 * Owns the cookie of a session: how visits prolong it, with and without `rolling` and `resave`, and
 * what one is worth that has expired or is unknown.
 */
import type session from "express-session";
import { describe, expect, it } from "vitest";
import { Client } from "../../support/client.js";
import {
  HOUR_MS,
  lengthOf,
  type Shown,
  shown,
  start,
  stored,
  STORES,
} from "../../support/express/visits.js";
import { untilPast } from "../../support/until.js";

/** The expiry that the stored cookie of the session has. */
async function expiryIn(store: session.Store, sid: string): Promise<number> {
  const found = await stored(store, sid);
  const { expires } = found?.["cookie"] as { expires: string | Date };
  return new Date(expires).getTime();
}

describe.each(STORES)("%s", (_, open) => {
  it("every request prolongs the session, rolling its cookie too", async () => {
    const cookie = { maxAge: HOUR_MS };
    for (const rolling of [false, true]) {
      const { store, client } = await start(open, { cookie, rolling });
      const first = await shown(client.post("/put/colour/red"));
      const earlier = await expiryIn(store, first.sid);
      await untilPast(Date.now() + 2);
      const { setCookie } = await client.get("/");
      expect(setCookie).toHaveLength(rolling ? 1 : 0);
      expect(await expiryIn(store, first.sid)).toBeGreaterThan(earlier);
      expect((await shown(client.get("/"))).data).toEqual({ colour: "red" });
    }
  });

  it("resave: true", async () => {
    const { store, client } = await start(open, { resave: true, cookie: { maxAge: HOUR_MS } });
    const { sid } = await shown(client.post("/put/colour/red"));
    const earlier = await expiryIn(store, sid);
    await untilPast(Date.now() + 2);
    expect((await shown(client.get("/"))).data).toEqual({ colour: "red" });
    expect(await expiryIn(store, sid)).toBeGreaterThan(earlier);
    expect((await shown(client.get("/"))).data).toEqual({ colour: "red" });
    expect(await lengthOf(store)).toBe(1);
  });

  it("resave: true and saveUninitialized: true store every visit", async () => {
    const { store, client } = await start(open, { resave: true, saveUninitialized: true });
    const { sid } = await shown(client.get("/"));
    expect(await shown(client.get("/"))).toMatchObject({ sid });
    expect(await lengthOf(store)).toBe(1);
  });

  it("an expired cookie gives a new session", async () => {
    const { store, client } = await start(open, { cookie: { maxAge: 50 } });
    const first = await client.post("/put/colour/red");
    const { sid } = first.body as Shown;
    // Sent all the same: not every client looks at the clock.
    const cookies = new Client(client.address);
    cookies.jar.take(first.setCookie, 0);
    await untilPast(Date.now() + 50);
    const later = await shown(cookies.post("/put/size/large"));
    expect(later.sid).not.toBe(sid);
    expect(later.data).toEqual({ size: "large" });
    expect(await stored(store, sid)).toBeNull();
  });

  it("a cookie whose session the store never had gives a new session", async () => {
    const { client } = await start(open);
    const elsewhere = await start(open);
    const { sid } = await shown(elsewhere.client.post("/put/colour/red"));
    const stranger = new Client(client.address, elsewhere.client.jar.copy());
    const answer = await shown(stranger.get("/"));
    expect(answer).toMatchObject({ user: null, data: {} });
    expect(answer.sid).not.toBe(sid);
  });
});
