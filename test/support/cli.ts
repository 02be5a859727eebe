/** Owns runs of the built command line, each a process of its own. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { IsolatedStore, type SessionStore, type StoreOptions } from "express-session-isolate";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

export interface Ran {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  /** Besides the environment of the test, without what the command line looks at. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of Node. */
  readonly flags?: readonly string[];
}

/** A command that has begun. */
export function start(words: readonly string[], { env = {}, flags = [] }: Surroundings = {}) {
  const { SESSION_STORE_REDIS: _, SESSION_STORE_KEY: __, ...own } = process.env;
  return spawn(process.execPath, [...flags, CLI, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...own, ...env },
  });
}

/** Runs a command to its end. */
export async function cli(words: readonly string[], surroundings?: Surroundings): Promise<Ran> {
  const child = start(words, surroundings);
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { exit: await exit, stdout, stderr };
}

/** What a command answers with `--json`: an object for each line. */
export async function answers(
  words: readonly string[],
  surroundings?: Surroundings,
): Promise<unknown[]> {
  const { exit, stdout, stderr } = await cli([...words, "--json"], surroundings);
  if (exit !== 0) throw new Error(`${words.join(" ")} ends with ${exit}: ${stderr}`);
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((line): unknown => JSON.parse(line));
}

/** Stores sessions as an application does, and closes. */
export async function fill(
  options: StoreOptions,
  use: (store: SessionStore) => Promise<unknown>,
): Promise<void> {
  const store = new IsolatedStore({ ...options, isolate: false, userOf: "user" });
  await use(store);
  await store.close();
}

/** A session of a test. */
export function sessionOf(user?: string, more: object = {}) {
  return {
    cookie: { path: "/", originalMaxAge: null, expires: new Date(Date.UTC(2100, 0, 1)) },
    ...(user !== undefined && { user }),
    ...more,
  };
}
