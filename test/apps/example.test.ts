/** examples/express-basic as its users meet it: over HTTP, by signals, and across restarts. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { until } from "../support/until.js";

const SERVER = fileURLToPath(new URL("../../examples/express-basic/server.js", import.meta.url));
const onWindows = process.platform === "win32";

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** A child process that serves the example from the directory `cwd`. */
class ExampleServer {
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #url: Promise<string>;

  constructor(cwd: string, env: Record<string, string> = {}) {
    const { SESSION_SECRET: _, ...inherited } = process.env;
    const child = spawn(process.execPath, [SERVER], {
      cwd,
      env: { ...inherited, PORT: "0", ...env },
    });
    this.#child = child;
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => resolve({ code, signal, stderr }));
    });
    this.#url = new Promise((resolve, reject) => {
      let stdout = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
        const [, url] = /^listening on (\S+)\n/m.exec(stdout) ?? [];
        if (url !== undefined) resolve(url);
      });
      void this.exited.then(() => reject(new Error(`the example did not start: ${stderr}`)));
    });
    // A test that waits for the exit does not ask for the address.
    this.#url.catch(() => undefined);
  }

  async port(): Promise<string> {
    return new URL(await this.#url).port;
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch((await this.#url) + path, { redirect: "manual", ...init });
  }

  stop(signal: NodeJS.Signals): Promise<Exit> {
    this.#child.kill(signal);
    return this.exited;
  }
}

/** The `name=value` of the cookie that a response sets. */
function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

function postJson(body: string, headers: Record<string, string> = {}): RequestInit {
  return { method: "POST", body, headers: { "content-type": "application/json", ...headers } };
}

function postForm(fields: Record<string, string>, cookie = ""): RequestInit {
  const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  return { method: "POST", body: new URLSearchParams(fields), headers: { accept, cookie } };
}

async function logIn(server: ExampleServer): Promise<string> {
  const response = await server.request("/login", postJson('{"userId":"123"}'));
  expect(response.status).toBe(200);
  return cookieOf(response);
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

  it("nor on data that another process has open", async () => {
    await start().port();
    const { code, stderr } = await start().exited;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^.+\n$/);
  });

  it.each(["http", "-1", "65536", "1.5"])("nor with PORT=%s", async (port) => {
    const { code, stderr } = await start({ PORT: port }).exited;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^PORT .+\n$/);
  });
});
