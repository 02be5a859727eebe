/**
 * Owns when a process that has a store ends: by itself once every call has been answered, and not
 * before.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import LiteNoSQLStore from "express-session-isolate";
import { describe, expect, it } from "vitest";
import { tempDirectory } from "../support/temp-dir.js";

/** A process that has not ended by then does not end. */
const DEADLINE_MS = 30_000;

interface Ending {
  readonly code: number | string | null;
  /** What the child says happened, in order. */
  readonly happened: unknown[];
  readonly stderr: string;
}

type Configuration = Readonly<Record<string, unknown>>;
type Placed = Configuration & { readonly directory: string };

function urlOf(script: string): URL {
  return new URL(`../fixtures/exits/${script}.js`, import.meta.url);
}

/** Runs a child, which finds the options of its store in its environment. */
function run(script: string, store: Configuration): Promise<Ending> {
  return runNode([fileURLToPath(urlOf(script))], store);
}

function runNode(
  args: readonly string[],
  store: Configuration,
  env: Readonly<Record<string, string>> = {},
): Promise<Ending> {
  const options = {
    timeout: DEADLINE_MS,
    killSignal: "SIGKILL" as const,
    env: { ...process.env, NODE_OPTIONS: "", ...env, STORE: JSON.stringify(store) },
  };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, options, (_, stdout, stderr) => {
      const happened: unknown = stdout === "" ? [] : JSON.parse(stdout);
      resolve({ code: child.exitCode, happened: happened as unknown[], stderr });
    });
  });
}

/** Where a collection lives, and how it is opened. */
function place(configuration: Configuration): Placed {
  return { ...configuration, directory: tempDirectory() };
}

/** The ids that the child left, as this process reads them. */
async function stored(configuration: Placed): Promise<string[]> {
  const store = new LiteNoSQLStore({ ...configuration, isolate: false });
  try {
    return (await store.ids()).sort();
  } finally {
    await store.close();
  }
}

const FIFTY = Array.from({ length: 50 }, (_, index) => `sid ${index}`);
const key = { encryptionKey: "a key of the test's own" };

describe.each([{ isolate: true }, { isolate: false }, { isolate: true, durable: false, ...key }])(
  "a process with a store of %o",
  { timeout: 2 * DEADLINE_MS },
  (configuration) => {
    it("ends by itself when nothing is in flight", async () => {
      expect(await run("opened", place(configuration))).toMatchObject({ code: 0 });
      expect(await run("ready", place(configuration))).toMatchObject({
        code: 0,
        happened: ["ready"],
      });
      const store = place(configuration);
      expect(await run("idle", store)).toMatchObject({ code: 0, happened: ["ann"] });
      expect(await stored(store)).toEqual(["a"]);
    });

    it("does not end while calls are in flight", async () => {
      const store = place(configuration);
      const { code, happened } = await run("in-flight", store);
      expect(code).toBe(0);
      expect(happened.sort()).toEqual([50, ...FIFTY.map(() => "stored")]);
      expect(await stored(store)).toEqual(FIFTY.toSorted());
      const later = place(configuration);
      expect(await run("later", later)).toMatchObject({ code: 0, happened: ["stored", 1] });
      expect(await stored(later)).toEqual([]);
    });

    it("ends after close, however that is called", async () => {
      const store = place(configuration);
      expect(await run("closed", store)).toMatchObject({
        code: 0,
        happened: ["stored", "closed", "STORE_CLOSED"],
      });
      expect(existsSync(join(store.directory, "sessions.lock"))).toBe(false);
      expect(await stored(store)).toEqual(["a"]);
      expect(await run("dispose", place(configuration))).toMatchObject({
        code: 0,
        happened: ["stored", "disposed"],
      });
    });

    it("ends when the store cannot be opened, and no rejection is left unhandled", async () => {
      const { code, happened } = await run("locked", place(configuration));
      expect(code).toBe(0);
      expect(happened.sort()).toEqual(["callback STORE_LOCKED", "event STORE_LOCKED"]);
    });

    it("learns what a callback throws as of anything uncaught", async () => {
      const store = place(configuration);
      expect(await run("throws", store)).toMatchObject({ code: 1, happened: [] });
      expect(await stored(store)).toEqual(["a"]);
    });

    it("may exit by hand as soon as a write is acknowledged", async () => {
      const store = place(configuration);
      expect(await run("exits", store)).toMatchObject({ code: 7, happened: ["stored"] });
      expect(await stored(store)).toEqual(["a"]);
    });
  },
);

it.each([{ isolate: true }, { isolate: false }])(
  "a process with a store of %o waits while that watches a lock of another machine",
  { timeout: DEADLINE_MS },
  async (configuration) => {
    const store = place(configuration);
    // Stale within a second, for which it has to be watched.
    const lock = { pid: 1, ts: Date.now() - 9_000, host: "elsewhere" };
    writeFileSync(join(store.directory, "sessions.lock"), JSON.stringify(lock));
    expect(await run("ready", store)).toMatchObject({ code: 0, happened: ["ready"] });
  },
);

it.each(["exit", "throw", "slowly"])(
  "a process waits for the answer to a write that kills the worker: %s",
  { timeout: DEADLINE_MS },
  async (DEATH) => {
    const store = place({ isolate: true });
    const NODE_OPTIONS = `--require ${fileURLToPath(new URL("./deadly.cjs", urlOf("dies")))}`;
    const ending = await runNode([fileURLToPath(urlOf("dies"))], store, { NODE_OPTIONS, DEATH });
    expect(ending).toMatchObject({ code: 0, happened: ["stored"] });
    expect(await stored(store)).toEqual(["poison"]);
  },
);

it(
  "a process ends when the store cannot be opened, even if something holds the worker's thread",
  { timeout: DEADLINE_MS },
  async () => {
    const NODE_OPTIONS = `--require ${fileURLToPath(new URL("./lingers.cjs", urlOf("locked")))}`;
    const script = fileURLToPath(urlOf("locked"));
    const ending = await runNode([script], place({ isolate: true }), { NODE_OPTIONS });
    expect(ending.code).toBe(0);
    expect(ending.happened.sort()).toEqual(["callback STORE_LOCKED", "event STORE_LOCKED"]);
  },
);

describe("flags of the process", { timeout: DEADLINE_MS }, () => {
  const script = fileURLToPath(urlOf("idle"));
  const preload = fileURLToPath(urlOf("preload"));
  it.each<[string, string[], string?]>([
    ["--input-type", ["--input-type=module", "--eval", `await import("${urlOf("idle").href}")`]],
    ["--require", ["--require", preload, script]],
    ["--import", ["--import", 'data:text/javascript,import "node:fs"', script]],
    ["--conditions", ["--conditions=development", script]],
    ["a title and a heap limit", ["--title=x", "--max-old-space-size=200", script]],
    ["--require in NODE_OPTIONS", [script], `--require ${preload}`],
    ["--inspect-port in NODE_OPTIONS", [script], "--inspect-port=0 --no-warnings"],
    ["--enable-source-maps in NODE_OPTIONS", [script], "--enable-source-maps"],
  ])("do not break the worker: %s", async (_, args, NODE_OPTIONS = "") => {
    const ending = await runNode(args, place({ isolate: true }), { NODE_OPTIONS });
    expect(ending).toEqual({ code: 0, happened: ["ann"], stderr: "" });
  });

  const hook = 'data:text/javascript,import "node:fs"';
  it.each([
    [
      ["--require", preload],
      ["--require", preload],
    ],
    [
      ["-C", "development", `--import=${hook}`],
      ["-C", "development", `--import=${hook}`],
    ],
    [["--title=x", "--preserve-symlinks", "--trace-warnings"], ["--preserve-symlinks"]],
  ])("reach the worker if they load modules: %j", async (flags, expected) => {
    const store = place({ isolate: true });
    const NODE_OPTIONS = `--require ${fileURLToPath(new URL("./flags.cjs", urlOf("idle")))}`;
    const ending = await runNode([...flags, script], store, { NODE_OPTIONS });
    expect(ending).toEqual({ code: 0, happened: ["ann"], stderr: "" });
    const seen = readFileSync(join(store.directory, "flags"), "utf8");
    expect(JSON.parse(seen)).toEqual(expected);
  });
});
