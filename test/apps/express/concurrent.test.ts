/**
 * Owns requests at the same time, of one session and of many: none brings back what another has
 * destroyed or changed.
 */
import { describe, expect, it } from "vitest";
import { show } from "../../support/express/application.js";
import { Gate } from "../../support/express/gate.js";
import {
  HOUR_MS,
  lengthOf,
  type Shown,
  shown,
  start,
  stored,
  STORES,
} from "../../support/express/visits.js";

describe.each(STORES)("%s", (_, open) => {
  it("a request under way during logout does not bring the session back", async () => {
    const gate = new Gate();
    const { store, client } = await start(open, {}, (app) => app.get("/slow", gate.handler, show));
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
    const { store, client } = await start(open, { cookie: { maxAge: HOUR_MS } }, (app) =>
      app.get("/slow", gate.handler, show),
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
    const { client } = await start(open, { cookie: { maxAge: HOUR_MS } });
    await shown(client.post("/put/colour/red"));
    for (const colour of ["blue", "green", "white"]) {
      const readers = (): Promise<Shown>[] =>
        Array.from({ length: 8 }, () => shown(client.get("/")));
      await Promise.all([...readers(), shown(client.post(`/put/colour/${colour}`)), ...readers()]);
      expect((await shown(client.get("/"))).data).toEqual({ colour });
    }
  });

  it("50 requests of one session at once", async () => {
    const { store, client } = await start(open);
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
    const { store, client } = await start(open);
    const clients = Array.from({ length: 50 }, () => client.copy());
    await Promise.all(clients.map((each, n) => shown(each.post(`/login/user-${n}`))));
    const found = await Promise.all(clients.map((each) => shown(each.get("/"))));
    expect(found.map(({ user }) => user)).toEqual(clients.map((_, n) => ({ name: `user-${n}` })));
    expect(await lengthOf(store)).toBe(50);
  });
});
