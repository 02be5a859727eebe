/**
 * The client of Redis, node-redis: an optional peer dependency, loaded when an engine over Redis is
 * opened and never before. What it must have is declared here, so that nobody else needs its types.
 */
import { isErrorLike, StoreError } from "../../protocol/errors.js";

/** A client for one connection to one server. */
export interface RedisClient {
  connect(): Promise<unknown>;
  sendCommand(args: readonly string[]): Promise<unknown>;
  destroy(): void;
  unref(): void;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** Makes a client, which is not connected yet, of the options that node-redis has. */
export type MakeClient = (options: Readonly<Record<string, unknown>>) => RedisClient;

/**
 * The packages that have it, the smaller one first. They are imported by names that bundlers do not
 * know, which would ask for them where they are not needed.
 */
const PACKAGES: readonly string[] = ["@redis/client", "redis"];

/**
 * @param module URL of a module of the application whose default export makes the client
 * @throws StoreError `DRIVER_MISSING`, or what the module throws
 */
export async function loadDriver(module: string | undefined): Promise<MakeClient> {
  if (module !== undefined) return moduleOf(module);
  let found = "is not installed";
  for (const name of PACKAGES) {
    const loaded = await (import(name) as Promise<unknown>).catch((error: unknown) => {
      if (!isMissing(error, name)) throw error;
      return null;
    });
    if (loaded === null) continue;
    const { createClient, createClientPool } = exportsOf(loaded);
    // Older releases, which may have come with another package, have no pools.
    if (typeof createClient === "function" && typeof createClientPool === "function") {
      return createClient as MakeClient;
    }
    found = `is not installed, and the package "${name}" that was found is too old`;
  }
  throw new StoreError(
    "DRIVER_MISSING",
    `the option "redis" needs the package @redis/client, which ${found}. Type: npm install @redis/client`,
  );
}

async function moduleOf(url: string): Promise<MakeClient> {
  const loaded = (await import(url)) as { readonly default?: unknown };
  // A CommonJS module that was compiled from an ES module has its default export in another one.
  const nested = (loaded.default as { readonly default?: unknown } | undefined)?.default;
  const make = nested ?? loaded.default;
  if (typeof make !== "function") {
    throw new TypeError(
      'the module of the option "redis" must export by default a function that makes a client',
    );
  }
  return make as MakeClient;
}

/** The exports of a CommonJS package, all of which its default export has. */
function exportsOf(loaded: unknown): Record<string, unknown> {
  const module = loaded as { readonly default?: Record<string, unknown> };
  return module.default ?? (loaded as Record<string, unknown>);
}

/** Whether an error says that this package is missing, and not one that it needs itself. */
function isMissing(error: unknown, name: string): boolean {
  if (!isErrorLike(error) || !("code" in error)) return false;
  const isMissing = error.code === "ERR_MODULE_NOT_FOUND" || error.code === "MODULE_NOT_FOUND";
  return isMissing && error.message.includes(`'${name}'`);
}
