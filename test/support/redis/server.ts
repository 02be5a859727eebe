/**
 * Owns real servers in tests: redis-server on a free port of the loopback, with a directory of its
 * own, started and stopped by the test. Where there is no redis-server, its tests are left out, and
 * the last lines of the run say so.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../until.js";
import { HAS_SERVER, PROGRAM } from "./program.js";

export { HAS_SERVER };

/** A port that nobody listens to. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface ServerOptions {
  /** Lines of its configuration. */
  readonly config?: readonly string[];
  /** Listens with TLS, and without it not at all. */
  readonly tls?: boolean;
  /** Runs as a sentinel. */
  readonly sentinel?: boolean;
  readonly port?: number;
  /** Answers to redis-cli without TLS and password, for the test itself. */
  readonly cliArgs?: readonly string[];
}

export class Server {
  readonly port: number;
  readonly directory = mkdtempSync(join(tmpdir(), "express-session-isolate-redis-"));
  readonly #options: ServerOptions;
  #process: ChildProcess | null = null;

  private constructor(port: number, options: ServerOptions) {
    this.port = port;
    this.#options = options;
  }

  static async start(options: ServerOptions = {}): Promise<Server> {
    const server = new Server(options.port ?? (await freePort()), options);
    const { config = [] } = options;
    const ports =
      options.tls === true ? ["port 0", `tls-port ${server.port}`] : [`port ${server.port}`];
    const lines = [...ports, "bind 127.0.0.1", `dir ${server.directory}`, ...config];
    if (!config.some((line) => line.startsWith("save"))) lines.push('save ""');
    const sentinel = options.sentinel === true;
    const own = sentinel ? lines.filter((line) => !line.startsWith("save")) : lines;
    writeFileSync(join(server.directory, "redis.conf"), own.join("\n"));
    await server.launch();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get address(): { host: string; port: number } {
    return { host: "127.0.0.1", port: this.port };
  }

  /** Starts it, after it was killed: over the same directory. */
  async launch(): Promise<void> {
    const args = [join(this.directory, "redis.conf")];
    if (this.#options.sentinel === true) args.push("--sentinel");
    const child = spawn(PROGRAM, args, { stdio: "ignore" });
    this.#process = child;
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`${PROGRAM} does not start`);
      return (await this.#listens()) && !this.cli("PING").includes("LOADING");
    });
  }

  /** What redis-cli prints for a command. */
  cli(...command: string[]): string {
    const args = ["-p", String(this.port), ...(this.#options.cliArgs ?? []), ...command];
    const { stdout, stderr } = spawnSync("redis-cli", args, { encoding: "utf8", timeout: 10_000 });
    return `${stdout}${stderr}`.trim();
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** Kills it at once, and waits until it is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #listens(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
  }
}
