/** examples/express-basic as its users meet it: over HTTP, by signals, and across restarts. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { cookieOf, ExampleServer, logIn, postJson } from "../support/express/example-server.js";
import { until } from "../support/until.js";

const onWindows = process.platform === "win32";

function postForm(fields: Record<string, string>, cookie = ""): RequestInit {
  const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  return { method: "POST", body: new URLSearchParams(fields), headers: { accept, cookie } };
}

describe("over HTTP", () => {
  let cwd: string;
  let server: ExampleServer;

  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), "example-"));
    server = new ExampleServer(cwd);
  });

  afterAll(async () => {
    await server.stop("SIGKILL");
    await rm(cwd, { recursive: true });
  });

  it("logs in, counts visits and logs out, in JSON", async () => {
    expect((await server.request("/me")).status).toBe(401);

    const cookie = await logIn(server);
    const me = async () => (await server.request("/me", { headers: { cookie } })).json();
    expect(await me()).toMatchObject({ userId: "123", visits: 1 });
    expect(await me()).toMatchObject({ userId: "123", visits: 2 });

    const logout = await server.request("/logout", { method: "POST", headers: { cookie } });
    expect(await logout.json()).toEqual({ ok: true });
    expect((await server.request("/me", { headers: { cookie } })).status).toBe(401);
  });

  it("does the same with forms and a page", async () => {
    const page = async (cookie: string) => {
      const html = await (await server.request("/", { headers: { cookie } })).text();
      return { html, live: Number(/Live sessions: (\d+)/.exec(html)?.[1]) };
    };
    const { live } = await page("");

    const login = await server.request("/login", postForm({ userId: "<b>&'\"" }));
    expect([login.status, login.headers.get("location")]).toEqual([303, "/"]);
    const cookie = cookieOf(login);
    const loggedIn = await page(cookie);
    expect(loggedIn.html).toContain("&lt;b&gt;&amp;&#39;&quot;");
    expect(loggedIn.html).not.toMatch(/<b>|<script/);
    expect(loggedIn.live).toBe(live + 1);

    const logout = await server.request("/logout", postForm({}, cookie));
    expect([logout.status, logout.headers.get("location")]).toEqual([303, "/"]);
    expect((await page(cookie)).live).toBe(live);
  });

  it("shows the sessions of a user, and ends all but one", async () => {
    const here = await logIn(server, "ann", "one");
    const there = await logIn(server, "ann", "<b>another</b>");
    const bob = await logIn(server, "bob", "Bob's own");
    const ask = (path: string, cookie: string, method = "GET") =>
      server.request(path, { method, headers: { cookie } });
    const time = expect.stringMatching(/^\d{4}-.*Z$/) as string;
    const sessions = (await (await ask("/sessions", here)).json()) as object[];
    expect(sessions).toHaveLength(2);
    expect(sessions).toContainEqual({ browser: "<b>another</b>", loggedInAt: time, isThis: false });
    expect(sessions).toContainEqual({ browser: "one", loggedInAt: time, isThis: true });
    const html = await (await ask("/", here)).text();
    expect(html).toContain("&lt;b&gt;another&lt;/b&gt;");
    expect(html).not.toMatch(/<b>|<script|Bob/);

    expect(await (await ask("/logout-others", here, "POST")).json()).toEqual({ ended: 1 });
    expect((await ask("/me", there)).status).toBe(401);
    expect((await ask("/me", here)).status).toBe(200);
    expect((await ask("/me", bob)).status).toBe(200);

    const form = await server.request("/logout-others", postForm({}, here));
    expect([form.status, form.headers.get("location")]).toEqual([303, "/"]);
    for (const path of ["/sessions", "/logout-others"]) {
      const init = { method: path === "/sessions" ? "GET" : "POST" };
      expect((await server.request(path, init)).status).toBe(401);
    }
  });

  it("gives a new session id at login and forgets the old one", async () => {
    const before = await logIn(server);
    const login = await server.request("/login", postJson('{"userId":"456"}', { cookie: before }));
    expect(cookieOf(login)).not.toBe(before);
    expect((await server.request("/me", { headers: { cookie: before } })).status).toBe(401);
  });

  it.each([
    ["no body", { method: "POST" }],
    ["no userId", postJson("{}")],
    ["a userId that is not a string", postJson('{"userId":{"$gt":""}}')],
    ["an empty userId", postJson('{"userId":"  "}')],
    ["a userId that is too long", postJson(JSON.stringify({ userId: "x".repeat(65) }))],
    ["malformed JSON", postJson('{"userId":')],
    ["a form without userId", postForm({})],
  ])("answers %s with 400, a reason, and no stack", async (_, init) => {
    const response = await server.request("/login", init);
    expect(response.status).toBe(400);
    expect(response.headers.getSetCookie()).toEqual([]);
    const text = await response.text();
    expect(text).toMatch(/userId|valid JSON/);
    expect(text).not.toMatch(/\bat \S+ \(|node_modules/);
  });
});

describe("as a process", () => {
  let cwd: string;
  let started: ExampleServer[];

  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), "example-"));
    started = [];
  });

  afterEach(async () => {
    await Promise.all(started.map((server) => server.stop("SIGKILL")));
    await rm(cwd, { recursive: true });
  });

  function start(env?: Record<string, string>): ExampleServer {
    const server = new ExampleServer(cwd, env);
    started.push(server);
    return server;
  }

  const signals: NodeJS.Signals[] = onWindows ? [] : ["SIGTERM", "SIGINT"];
  it.each(signals)("%s ends it in order, and the login is still there", async (signal) => {
    const first = start();
    const cookie = await logIn(first);
    expect(await first.stop(signal)).toEqual({ code: 0, signal: null, stderr: "" });
    expect((await readdir(join(cwd, "data"))).filter((name) => name.includes("lock"))).toEqual([]);

    const me = await start().request("/me", { headers: { cookie } });
    expect(await me.json()).toMatchObject({ userId: "123" });
  });

  it.each(signals)("%s while it opens ends it in order", async (signal) => {
    const data = join(cwd, "data");
    await mkdir(data);
    // An empty lock file may be one that is just being written, so the store looks again later.
    await writeFile(join(data, "sessions.lock"), "");
    const server = start();
    // The server listens for signals before it creates this file.
    await until(() => existsSync(join(data, ".session-secret")));
    expect(await server.stop(signal)).toEqual({ code: 0, signal: null, stderr: "" });
    expect((await readdir(data)).filter((name) => name.includes("lock"))).toEqual([]);
  });

  it("kill -9 costs no login", async () => {
    const first = start();
    const cookie = await logIn(first);
    await first.stop("SIGKILL");

    const me = await start().request("/me", { headers: { cookie } });
    expect(await me.json()).toMatchObject({ userId: "123" });
  });

  it.skipIf(onWindows)("keeps the secret it made to the owner of the process", async () => {
    await start().port();
    const { mode } = await stat(join(cwd, "data", ".session-secret"));
    expect(mode & 0o777).toBe(0o600);
  });

  it("uses SESSION_SECRET where it is given", async () => {
    const first = start({ SESSION_SECRET: "one" });
    const cookie = await logIn(first);
    await first.stop("SIGKILL");

    const second = start({ SESSION_SECRET: "another" });
    expect((await second.request("/me", { headers: { cookie } })).status).toBe(401);
    expect(await readdir(join(cwd, "data"))).not.toContain(".session-secret");
  });

  it("does not start on a port in use, and says so in one line", async () => {
    const port = await start().port();
    const { code, stderr } = await start({ PORT: port }).exited;
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^.*${port}.*PORT.*\n$`));
  });

  it.each(["http", "-1", "65536", "1.5"])("nor with PORT=%s", async (port) => {
    const { code, stderr } = await start({ PORT: port }).exited;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^PORT .+\n$/);
  });
});
