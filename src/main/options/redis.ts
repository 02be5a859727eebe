/** The option `redis` and those that go with it. No message has a part of it: it may be a secret. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import type { RedisAddress, RedisConfig } from "../../protocol/config.js";
import { describeType, type Given } from "./given.js";
import { hintOf } from "./misspelling.js";
import type { RedisOptions } from "./public-redis.js";

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
const DEFAULT_PREFIX = "esi:";
const FAIL_AFTER_MS = 2_000;
const MIN_FAIL_AFTER_MS = 100;
/** A timer of Node takes no more: it would fire at once. */
const MAX_FAIL_AFTER_MS = 2_147_483_647;

/** The options that are of the files. */
const OF_FILES = [
  "directory",
  "collection",
  "walLimit",
  "gcInterval",
  "compactAfterGc",
  "maxBytes",
  "maxPendingMs",
  "share",
] as const;
/** The options that are of the server. */
const OF_REDIS = ["failAfterMs", "replicas"] as const;

/** The parts of the option, and their types. */
const PARTS = {
  url: "string",
  path: "string",
  sentinels: "list",
  name: "string",
  nodes: "list",
  username: "string",
  password: "string",
  sentinelUsername: "string",
  sentinelPassword: "string",
  tls: "tls",
  database: "number",
  prefix: "string",
  module: "module",
} as const;
type Part = keyof typeof PARTS;
const NAMES = Object.keys(PARTS) as Part[];

/**
 * Null without the option.
 * @throws TypeError, RangeError
 */
export function redisOf(given: Given): RedisConfig | null {
  const { value } = given.get("redis");
  if (value === undefined) {
    const stray = OF_REDIS.find((name) => given.has(name));
    if (stray !== undefined) {
      throw new TypeError(`option "${stray}" is of a Redis server: it needs the option "redis"`);
    }
    return null;
  }
  const stray = OF_FILES.find((name) => given.has(name));
  if (stray !== undefined) {
    throw new TypeError(
      `option "${given.get(stray).name}" is of the files: it cannot be given with "redis"`,
    );
  }
  const parts = typeof value === "string" ? { url: value } : partsOf(value);
  return Object.freeze({
    ...placeOf(parts),
    sentinelUsername: parts.sentinelUsername,
    sentinelPassword: parts.sentinelPassword,
    prefix: prefixOf(parts.prefix),
    module: moduleOf(parts.module),
    failAfterMs:
      given.integer("failAfterMs", MIN_FAIL_AFTER_MS, MAX_FAIL_AFTER_MS + 1) ?? FAIL_AFTER_MS,
    replicas: given.integer("replicas", 0) ?? 0,
  });
}

/** @throws TypeError if a part is unknown, or of another type */
function partsOf(value: unknown): RedisOptions {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`option "redis" must be a URL or an object, got ${describeType(value)}`);
  }
  const parts = Object.entries(value as Record<string, unknown>).filter(
    ([, part]) => part !== undefined,
  );
  for (const [name, part] of parts) {
    if (!Object.hasOwn(PARTS, name)) {
      throw new TypeError(
        `option "redis" has the unknown part "${name}"${hintOf(name, NAMES)} Known parts: ${NAMES.join(", ")}`,
      );
    }
    const type = PARTS[name as Part];
    if (!isOfType(part, type)) {
      throw new TypeError(
        `${name} of option "redis" must be ${TYPES[type]}, got ${describeType(part)}`,
      );
    }
  }
  return Object.fromEntries(parts);
}

const TYPES: Readonly<Record<(typeof PARTS)[Part], string>> = {
  string: "a string",
  number: "a number",
  list: "a list that is not empty",
  tls: "true, false or an object of plain values (for others, use module)",
  module: "a URL or a path",
};

function isOfType(part: unknown, type: keyof typeof TYPES): boolean {
  if (type === "list") return Array.isArray(part) && part.length > 0;
  if (type === "module") return typeof part === "string" || part instanceof URL;
  if (type === "tls") return typeof part === "boolean" || isPlain(part);
  return typeof part === type;
}

/** Whether it can be sent to a thread. */
function isPlain(part: unknown): boolean {
  if (typeof part !== "object" || part === null || Array.isArray(part)) return false;
  try {
    structuredClone(part);
    return true;
  } catch {
    return false;
  }
}

type Place = Pick<
  RedisConfig,
  "kind" | "addresses" | "path" | "masterName" | "username" | "password" | "tls" | "database"
>;

/** @throws TypeError, RangeError unless it says in one way where the servers are */
function placeOf(parts: RedisOptions): Place {
  const ways = (["url", "path", "sentinels", "nodes"] as const).filter(
    (name) => parts[name] !== undefined,
  );
  if (ways.length > 1) {
    throw new TypeError(`option "redis" has both ${ways.join(" and ")}: give only one of them`);
  }
  const [way] = ways;
  if (way === undefined && parts.module === undefined) {
    throw new TypeError(
      'option "redis" needs a url, a path, sentinels with a name, nodes, or a module',
    );
  }
  if ((way === "sentinels") !== (parts.name !== undefined)) {
    throw new TypeError('option "redis" needs sentinels and the name of the master together');
  }
  const given: Place = {
    kind: way === "sentinels" ? "sentinel" : way === "nodes" ? "cluster" : "single",
    addresses: way === "sentinels" || way === "nodes" ? addressesOf(way, parts[way] ?? []) : [],
    path: parts.path,
    masterName: parts.name,
    username: parts.username,
    password: parts.password,
    tls: tlsOf(parts.tls),
    database: databaseOf(parts.database, way === "nodes"),
  };
  return parts.url === undefined ? given : { ...given, ...placeOfUrl(parts.url, given) };
}

function tlsOf(tls: RedisOptions["tls"]): Place["tls"] {
  if (typeof tls === "object") return tls;
  return tls === true ? {} : null;
}

function placeOfUrl(text: string, given: Place): Partial<Place> {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isSecure = url?.protocol === "rediss:" || url?.protocol === "valkeys:";
  const isPlain = url?.protocol === "redis:" || url?.protocol === "valkey:";
  const database = /^\/?(\d*)$/.exec(url?.pathname ?? "")?.[1];
  if (url === null || !(isSecure || isPlain) || url.hostname === "" || database === undefined) {
    throw new RangeError(
      'option "redis" must be a URL such as redis://host:6379 or rediss://user:password@host:6379/0',
    );
  }
  return {
    addresses: [
      {
        host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
        port: url.port === "" ? REDIS_PORT : Number(url.port),
      },
    ],
    ...(url.username !== "" && { username: decodeURIComponent(url.username) }),
    ...(url.password !== "" && { password: decodeURIComponent(url.password) }),
    ...(isSecure && { tls: given.tls ?? {} }),
    ...(database !== "" && { database: Number(database) }),
  };
}

function addressesOf(name: "sentinels" | "nodes", list: readonly unknown[]): RedisAddress[] {
  const defaultPort = name === "sentinels" ? SENTINEL_PORT : REDIS_PORT;
  return list.map((entry) => {
    const address = typeof entry === "string" ? addressOf(entry) : entry;
    const { host, port = defaultPort } = (address ?? {}) as { host?: unknown; port?: unknown };
    const isPort = Number.isInteger(port) && (port as number) > 0 && (port as number) < 65_536;
    if (typeof host !== "string" || host === "" || !isPort) {
      throw new TypeError(
        `${name} of option "redis" must be a list of "host:port" or { host, port }`,
      );
    }
    return { host, port: port as number };
  });
}

function addressOf(text: string): { host: string; port?: number } {
  const [, host = "", port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(text) ?? [];
  return port === undefined ? { host } : { host, port: Number(port) };
}

function databaseOf(database = 0, isCluster: boolean): number {
  if (!Number.isSafeInteger(database) || database < 0) {
    throw new RangeError(
      `database of option "redis" must be a whole number from 0, got ${database}`,
    );
  }
  if (isCluster && database > 0) {
    throw new RangeError(`database of option "redis" must be 0 in a cluster, got ${database}`);
  }
  return database;
}

function prefixOf(prefix = DEFAULT_PREFIX): string {
  if (prefix === "") throw new RangeError('prefix of option "redis" must not be empty');
  return prefix;
}

function moduleOf(module: string | URL | undefined): string | undefined {
  if (module === undefined) return undefined;
  const isUrl = typeof module !== "string" || /^(file|data):/.test(module);
  return isUrl ? String(module) : pathToFileURL(resolve(module)).href;
}
