/** Untrusted options in, complete and frozen settings out. */
import { randomUUID } from "node:crypto";
import type { ResourceLimits } from "node:worker_threads";

import { type EngineConfig, MAX_TIME } from "../../protocol/config.js";
import { diskOf, passwordsOf } from "./files.js";
import { describeType, Given } from "./given.js";
import { migrationOf } from "./migrate-from.js";
import { redisOf } from "./redis.js";
import type { Serializer } from "./values.js";
import { type UserOf, userOfOption } from "./user-of.js";

/** The expiry of a session that never expires. */
export const NEVER = MAX_TIME;

/** Lifetime, in milliseconds, of a session whose cookie sets none. */
export type DefaultTtl = (session: object) => number;

/** Validated options with defaults applied. */
export interface Settings {
  readonly engine: EngineConfig;
  readonly isolate: boolean;
  /** Limits of the worker thread. */
  readonly resourceLimits: ResourceLimits;
  readonly defaultTtlMs: DefaultTtl;
  readonly disableTouch: boolean;
  readonly disableTTL: boolean;
  /** Null for JSON. */
  readonly serializer: Serializer | null;
  /** Null if sessions have no users. */
  readonly userOf: UserOf | null;
  readonly maxPendingBytes: number;
}

const DAY_SECONDS = 86_400;
const MEBIBYTE = 1024 * 1024;
const TEN_SECONDS_MS = 10_000;
/** A disk that works may need as long for one operation. */
const MIN_PENDING_MS = 100;

/**
 * Checks options and applies defaults.
 * @throws TypeError, RangeError naming the option
 */
export function resolveOptions(options: unknown): Settings {
  if (typeof options !== "object" || options === null) {
    throw new TypeError('options must be an object, such as { directory: "./data" }');
  }
  const given = new Given(options as Record<string, unknown>);
  const redis = redisOf(given);
  const defaultTtlMs = defaultTtlOf(given);
  const isolate = given.boolean("isolate", true);
  const absoluteTtl = given.number("absoluteTtl", Number.MIN_VALUE, MAX_TIME / 1000).value;
  const userOf = userOfOption(given.get("userOf").value);
  const disableTTL = given.boolean("disableTTL", false);
  const ttlMs = typeof defaultTtlMs === "number" ? defaultTtlMs : DAY_SECONDS * 1000;
  const migrateFrom = migrationOf(given, redis, disableTTL ? NEVER : ttlMs);
  return Object.freeze({
    engine: Object.freeze({
      // What a server promises is for it to say.
      durable: given.boolean("durable", redis === null),
      ttlMs,
      absoluteTtlMs: absoluteTtl === undefined ? null : Math.ceil(absoluteTtl * 1000),
      hasUsers: userOf !== null,
      maxPendingMs: given.integer("maxPendingMs", MIN_PENDING_MS) ?? TEN_SECONDS_MS,
      debug: given.boolean("debug", false),
      encryptionKeys: passwordsOf(given),
      owner: randomUUID(),
      ...(redis === null
        ? { disk: diskOf(given) }
        : { redis, ...(migrateFrom !== null && { migrateFrom }) }),
    }),
    isolate,
    resourceLimits: resourceLimitsOf(given, isolate),
    defaultTtlMs: typeof defaultTtlMs === "number" ? () => defaultTtlMs : defaultTtlMs,
    disableTouch: given.boolean("disableTouch", false),
    disableTTL,
    serializer: serializerOf(given),
    userOf,
    maxPendingBytes: given.integer("maxPendingBytes", 1) ?? 64 * MEBIBYTE,
  });
}

function defaultTtlOf(given: Given): number | DefaultTtl {
  const ttlMs = given.number("ttlMs", 1, MAX_TIME);
  const { value } = given.get("ttl");
  if (value !== undefined && ttlMs.value !== undefined) {
    throw new TypeError(
      `options "ttl" and "${ttlMs.name}" set the same lifetime in different units: give only one of them`,
    );
  }
  if (ttlMs.value !== undefined) return ttlMs.value;
  if (typeof value !== "function") {
    return (given.number("ttl", Number.MIN_VALUE, MAX_TIME / 1000).value ?? DAY_SECONDS) * 1000;
  }
  const ttl = value as (session: object) => unknown;
  return (session) => {
    const seconds = ttl(session);
    if (typeof seconds !== "number" || Number.isNaN(seconds)) {
      throw new TypeError(
        `option "ttl" is a function and must return seconds as a number, got ${describeType(seconds)}`,
      );
    }
    return seconds * 1000;
  };
}

function serializerOf(given: Given): Serializer | null {
  const { value } = given.get("serializer");
  if (value === undefined || value === JSON) return null;
  const { stringify, parse } = (value ?? {}) as Record<string, unknown>;
  if (typeof stringify !== "function" || typeof parse !== "function") {
    throw new TypeError(
      'option "serializer" must have the functions stringify and parse, like JSON',
    );
  }
  return value as Serializer;
}

/** The limits that Node knows; it ignores others, so that a misspelt one would have no effect. */
const RESOURCE_LIMITS: readonly string[] = [
  "maxOldGenerationSizeMb",
  "maxYoungGenerationSizeMb",
  "codeRangeSizeMb",
  "stackSizeMb",
] satisfies (keyof ResourceLimits)[];

function resourceLimitsOf(given: Given, isolate: boolean): ResourceLimits {
  const { name, value } = given.get("resourceLimits");
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`option "${name}" must be an object, got ${describeType(value)}`);
  }
  if (!isolate) {
    throw new TypeError(
      `option "${name}" limits the worker thread, and there is none with isolate: false; ` +
        "Node's flag --max-old-space-size sets the heap of the process",
    );
  }
  for (const [limit, size] of Object.entries(value as Record<string, unknown>)) {
    if (!RESOURCE_LIMITS.includes(limit)) {
      throw new TypeError(
        `option "${name}" has the unknown limit "${limit}". Known limits: ${RESOURCE_LIMITS.join(", ")}`,
      );
    }
    if (size === undefined) continue;
    if (typeof size !== "number") {
      throw new TypeError(
        `${limit} of option "${name}" must be a number, got ${describeType(size)}`,
      );
    }
    if (!(size > 0 && size < Infinity)) {
      throw new RangeError(`${limit} of option "${name}" must be greater than 0, got ${size}`);
    }
  }
  return { ...value };
}
