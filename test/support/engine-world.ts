/**
 * Owns what tests of the engine's parts have in common: a configuration, a process table, keys that
 * are derived once, and an engine over files of the test's choosing.
 */
import { vi } from "vitest";
import type { DiskConfig, DiskEngineConfig } from "../../src/protocol/config.js";
import type { DiskStats, Engine, ExpiredSession } from "../../src/protocol/contract.js";
import type { StoreError } from "../../src/protocol/errors.js";
import { Key } from "../../src/worker/disk/keys/cipher.js";
import { openEngine, type Environment } from "../../src/worker/disk/engine.js";
import { randomNonce } from "../../src/worker/ports/nonce.js";
import { nodeFiles } from "../../src/worker/ports/node-files.js";
import type { ProcessTable } from "../../src/worker/ports/process-table.js";
import { ManualClock } from "./manual-clock.js";
import { listenerTo } from "./listener.js";

/** What a test may set of a configuration. */
export type ConfigOverrides = Partial<Omit<DiskEngineConfig, "disk"> & DiskConfig>;

/** A complete configuration; a journal is compacted only when a test says so. */
export function engineConfig(directory: string, overrides: ConfigOverrides = {}): DiskEngineConfig {
  const {
    collection = "sessions",
    walLimitBytes = 2 ** 40,
    gcIntervalMs = 2 ** 40,
    compactAfterGc = false,
    maxBytes,
    ...common
  } = overrides;
  return {
    durable: true,
    ttlMs: 86_400_000,
    debug: false,
    maxPendingMs: 10_000,
    encryptionKeys: [],
    absoluteTtlMs: null,
    hasUsers: false,
    owner: "the test",
    ...common,
    disk: { directory, collection, walLimitBytes, gcIntervalMs, compactAfterGc, maxBytes },
  };
}

/** What the engine over files tells of itself. */
export async function diskStats(engine: Engine): Promise<DiskStats> {
  const { disk } = await engine.stats();
  if (disk === undefined) throw new Error("this engine has no files");
  return disk;
}

/** Processes as a test says they are. This one is number 1000. */
export function processTable(overrides: Partial<ProcessTable> = {}): ProcessTable {
  return {
    pid: 1000,
    host: "here",
    space: "a boot, a namespace",
    isAlive: (pid) => Promise.resolve(pid === 1000),
    startOf: (pid) => Promise.resolve(`start of ${pid}`),
    ...overrides,
  };
}

export interface OpenOptions extends Partial<Environment> {
  readonly config?: ConfigOverrides;
  /** Gets what the engine reports on its own account. */
  readonly reports?: StoreError[];
  /** Gets the sessions that it tells of because they have expired. */
  readonly expired?: ExpiredSession[];
}

/** Opens an engine in a directory, by default over the real files and a clock that stands still. */
export async function openWorld(directory: string, options: OpenOptions = {}): Promise<Engine> {
  const { config, reports, expired, ...world } = options;
  const listener = listenerTo(
    (error) => reports?.push(error),
    (sessions) => expired?.push(...sessions),
  );
  return openEngine(engineConfig(directory, config), listener, {
    files: world.files ?? nodeFiles,
    clock: world.clock ?? new ManualClock(),
    processes: world.processes ?? processTable(),
    nonce: world.nonce ?? randomNonce,
  });
}

/** Opens, asks, closes. */
export async function withEngine<T>(
  directory: string,
  options: OpenOptions,
  use: (engine: Engine) => Promise<T>,
): Promise<T> {
  const engine = await openWorld(directory, options);
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

/** The sessions that an engine serves, by id, each with its newest cookie. */
export async function servedBy(engine: Engine): Promise<Map<string, unknown>> {
  const ids = await engine.ids();
  const found = await engine.get(ids);
  return new Map(ids.map((id, index) => [id, sessionOf(found[index] ?? null)]));
}

function sessionOf(found: Awaited<ReturnType<Engine["get"]>>[number]): unknown {
  if (found === null) return null;
  if (typeof found === "string") return JSON.parse(found);
  const [json, cookie] = found;
  const session: unknown = JSON.parse(json);
  // A custom serializer's text is whatever it is; the cookie stands beside it.
  if (typeof session !== "object") return [session, JSON.parse(cookie)];
  return { ...session, cookie: JSON.parse(cookie) as unknown };
}

/** Derives each key once for the whole file: a derivation is slow by design. */
export function rememberKeys(): void {
  const derive = Key.derive.bind(Key);
  const known = new Map<string, Promise<Key>>();
  vi.spyOn(Key, "derive").mockImplementation((password, salt) => {
    const name = `${salt.toString("hex")} ${password}`;
    const key = known.get(name) ?? derive(password, salt);
    known.set(name, key);
    return key;
  });
}
