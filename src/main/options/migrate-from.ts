/** The option `migrateFrom`: where the sessions are that a store over Redis moves over. */
import type { MigrationConfig, RedisConfig } from "../../protocol/config.js";
import { diskOf, passwordsOf } from "./files.js";
import { describeType, Given } from "./given.js";
import { redisOf } from "./redis.js";

const OF_FILES: readonly string[] = ["directory", "collection", "encryptionKey"];
const OF_REDIS: readonly string[] = ["redis", "layout", "prefix"];
const LAYOUT = "connect-redis";
/** What connect-redis begins its keys with. */
const DEFAULT_PREFIX = "sess:";

/**
 * Null without the option.
 * @param ttlMs lifetime of sessions that have none in the old place
 * @throws TypeError, RangeError
 */
export function migrationOf(
  given: Given,
  redis: RedisConfig | null,
  ttlMs: number,
): MigrationConfig | null {
  const { value } = given.get("migrateFrom");
  if (value === undefined) return null;
  if (redis === null) {
    throw new TypeError(
      'option "migrateFrom" moves sessions to Redis: it needs the option "redis"',
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`option "migrateFrom" must be an object, got ${describeType(value)}`);
  }
  const from = value as Readonly<Record<string, unknown>>;
  return Object.freeze(
    within(() =>
      from["redis"] === undefined ? filesOf(from) : connectRedisOf(from, redis, ttlMs),
    ),
  );
}

function filesOf(from: Readonly<Record<string, unknown>>): MigrationConfig {
  assertParts(from, OF_FILES);
  const given = new Given(from);
  const disk = { ...diskOf(given), isDeparting: true };
  return { disk, encryptionKeys: passwordsOf(given) };
}

function connectRedisOf(
  from: Readonly<Record<string, unknown>>,
  { prefix: newPrefix, failAfterMs }: RedisConfig,
  ttlMs: number,
): MigrationConfig {
  assertParts(from, OF_REDIS);
  const { redis, layout, prefix = DEFAULT_PREFIX } = from;
  if (layout !== LAYOUT) throw new RangeError(`layout must be "${LAYOUT}"`);
  if (typeof prefix !== "string") {
    throw new TypeError(`prefix must be a string, got ${describeType(prefix)}`);
  }
  // Else the keys of this store would be taken for sessions of the other one.
  if (newPrefix.startsWith(prefix)) {
    throw new RangeError(
      `prefix "${prefix}" must not be what the new prefix "${newPrefix}" begins with: give the ` +
        'option "redis" another prefix',
    );
  }
  const place = redisOf(new Given({ redis, failAfterMs }));
  if (typeof redis === "object" && redis !== null && "prefix" in redis) {
    throw new TypeError("the prefix must be given beside redis, not in it");
  }
  if (place === null) throw new TypeError("redis is missing");
  return { redis: { ...place, prefix }, ttlMs };
}

function assertParts(from: object, parts: readonly string[]): void {
  const stray = Object.keys(from).find((name) => !parts.includes(name));
  if (stray === undefined) return;
  throw new TypeError(`unknown part "${stray}". Known parts: ${parts.join(", ")}`);
}

/** Names the option in errors. */
function within<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof Error) error.message = `in option "migrateFrom": ${error.message}`;
    throw error;
  }
}
