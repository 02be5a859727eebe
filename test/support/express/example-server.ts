/** Owns the example server as a child process, and how its users log in. */
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

const SERVER = fileURLToPath(new URL("../../../examples/express-basic/server.js", import.meta.url));
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** A child process that serves the example from the directory `cwd`. */
export class ExampleServer {
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
export function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

export function postJson(body: string, headers: Record<string, string> = {}): RequestInit {
  return { method: "POST", body, headers: { "content-type": "application/json", ...headers } };
}

export async function logIn(
  server: ExampleServer,
  userId = "123",
  browser = "a test",
): Promise<string> {
  const body = JSON.stringify({ userId });
  const response = await server.request("/login", postJson(body, { "user-agent": browser }));
  if (response.status !== 200) throw new Error(`no login: ${response.status}`);
  return cookieOf(response);
}
