/** Owns what users see of a store that was opened again, and of one that fails. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import session from "express-session";
import { describe, expect, it, onTestFinished } from "vitest";
import { Client, serve } from "../../support/client.js";
import { answerErrors, application } from "../../support/express/application.js";
import { LASTING, shown } from "../../support/express/visits.js";
import { tempDirectory } from "../../support/temp-dir.js";

describe.each(LASTING)("%s", (_, open) => {
  it("users stay logged in over a restart, and logged out too", async () => {
    const directory = tempDirectory();
    const first = open(directory);
    onTestFinished(() => first.close());
    const before = new Client(await serve(application(first)));
    const [ann, bob] = [before, before.copy()];
    const { sid } = await shown(ann.post("/login/ann"));
    await shown(ann.post("/put/colour/red"));
    await shown(bob.post("/login/bob"));
    const formerBob = bob.jar.copy();
    await shown(bob.post("/logout"));
    await first.close();

    const second = open(directory);
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
    const store = open(tempDirectory());
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
    const store = open(directory);
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
