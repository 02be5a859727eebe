/** Untrusted options in, complete and frozen settings out. */
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";

import { type EngineConfig, MAX_TIME } from "../../protocol/config.js";
import { describeType, Given } from "./given.js";
import type { Serializer } from "./public.js";

/** The expiry of a session that never expires. */
export const NEVER = MAX_TIME;

/** Lifetime, in milliseconds, of a session whose cookie sets none. */
export type DefaultTtl = (session: object) => number;

/** Validated options with defaults applied. */
export interface Settings {
  readonly engine: EngineConfig;
  readonly isolate: boolean;
  readonly defaultTtlMs: DefaultTtl;
  readonly disableTouch: boolean;
  readonly disableTTL: boolean;
  /** Null for JSON. */
  readonly serializer: Serializer | null;
  readonly maxPendingBytes: number;
}

const DAY_SECONDS = 86_400;
const MIN_PASSWORD_LENGTH = 8;
const MEBIBYTE = 1024 * 1024;
const FIVE_MINUTES_MS = 300_000;

/**
 * Checks options and applies defaults.
 * @throws TypeError, RangeError naming the option
 */
export function resolveOptions(options: unknown): Settings {
  if (typeof options !== "object" || options === null) {
    throw new TypeError('options must be an object, such as { directory: "./data" }');
  }
  const given = new Given(options as Record<string, unknown>);
  const directory = directoryOf(given);
  const collection = collectionOf(given);
  const defaultTtlMs = defaultTtlOf(given);
  return Object.freeze({
    engine: Object.freeze({
      durable: given.boolean("durable", true),
      ttlMs: typeof defaultTtlMs === "number" ? defaultTtlMs : DAY_SECONDS * 1000,
      debug: given.boolean("debug", false),
      encryptionKeys: passwordsOf(given),
      owner: randomUUID(),
      disk: Object.freeze({
        directory,
        collection,
        walLimitBytes: given.integer("walLimit", 0) ?? MEBIBYTE,
        gcIntervalMs: given.integer("gcInterval", 1) ?? FIVE_MINUTES_MS,
        compactAfterGc: given.boolean("compactAfterGc", false),
      }),
    }),
    isolate: given.boolean("isolate", true),
    defaultTtlMs: typeof defaultTtlMs === "number" ? () => defaultTtlMs : defaultTtlMs,
    disableTouch: given.boolean("disableTouch", false),
    disableTTL: given.boolean("disableTTL", false),
    serializer: serializerOf(given),
    maxPendingBytes: given.integer("maxPendingBytes", 1) ?? 64 * MEBIBYTE,
  });
}

function directoryOf(given: Given): string {
  const { name, value } = given.string("directory");
  if (value === undefined) {
    throw new TypeError(
      'option "directory" (or "pasta") is required: the directory of the session files',
    );
  }
  if (value === "") throw new RangeError(`option "${name}" must not be empty`);
  return resolve(value);
}

function collectionOf(given: Given): string {
  const { name, value } = given.string("collection");
  if (value !== undefined && !/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(value)) {
    throw new RangeError(
      `option "${name}" is part of file names: only letters, digits, ".", "_" and "-" are allowed, ` +
        "and no dot at the start",
    );
  }
  return value ?? "sessions";
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

function passwordsOf(given: Given): readonly string[] {
  if (!given.has("encryptionKey")) return [];
  const { name, value } = given.get("encryptionKey");
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw new RangeError(`option "${name}" must not be an empty list`);
  return list.map((password) => {
    if (typeof password !== "string") {
      throw new TypeError(
        `option "${name}" must be a string or a list of strings, got ${describeType(password)}`,
      );
    }
    if (password.length < MIN_PASSWORD_LENGTH) {
      throw new RangeError(`option "${name}" must have at least ${MIN_PASSWORD_LENGTH} characters`);
    }
    return password;
  });
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
