/** Where the sessions are, by the command line and the environment; no secret of it is ever shown. */
import { readFileSync, statSync } from "node:fs";

import { resolveOptions } from "../main/options/resolve.js";
import type { EngineConfig, RedisConfig } from "../protocol/config.js";
import { Outside } from "../worker/disk/outside.js";
import { EXIT, Failure, messageOf, usage } from "./failure.js";
import type { Given } from "./options.js";

export interface Place {
  readonly config: EngineConfig;
  /** What it is called, without its password. */
  readonly name: string;
  /** Null for Redis. */
  readonly files: Outside | null;
}

/**
 * @param collection the collection if none is given
 * @throws Failure if it is not said, cannot be understood, or is another user's
 */
export function placeOf(given: Given, collection?: string): Place {
  const options = { ...whereOf(given, collection), ...keyOf(given), isolate: false };
  let config: EngineConfig;
  try {
    config = resolveOptions(options).engine;
  } catch (error) {
    throw usage(messageOf(error));
  }
  if (config.redis !== undefined) return { config, name: nameOf(config.redis), files: null };
  const files = new Outside(config);
  const { directory } = files.paths;
  assertOwner(directory);
  return { config, name: `${directory} (${config.disk.collection})`, files };
}

function whereOf(given: Given, fallback?: string): Record<string, unknown> {
  const directory = given.text("directory");
  const collection = given.text("collection") ?? fallback;
  const file = given.text("redis-file");
  if (directory !== undefined && file !== undefined) {
    throw usage("give --directory or --redis-file, not both");
  }
  if (directory !== undefined) return { directory, collection };
  const redis = file === undefined ? process.env["SESSION_STORE_REDIS"] : read(file);
  if (redis === undefined || redis === "") {
    throw usage(
      "where are the sessions? Give --directory DIR, --redis-file FILE, or the URL of a Redis server " +
        "in the environment variable SESSION_STORE_REDIS",
    );
  }
  return { collection, redis: redis.trimStart().startsWith("{") ? parsed(redis) : redis.trim() };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The message of the parser has a part of the text.
    throw usage("the option redis begins as JSON and is none");
  }
}

/** Several lines are several passwords, the first of which encrypts. */
function keyOf(given: Given): { encryptionKey?: string[] } {
  const file = given.text("key-file");
  const text = file === undefined ? process.env["SESSION_STORE_KEY"] : read(file);
  if (text === undefined) return {};
  return { encryptionKey: text.split(/\r?\n/).filter((line) => line !== "") };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw usage(`cannot read a file: ${messageOf(error)}`);
  }
}

/** What another user would write, such as with sudo, the application could not open. */
function assertOwner(directory: string): void {
  const uid = process.getuid?.();
  const owner = statSync(directory, { throwIfNoEntry: false })?.uid;
  if (uid === undefined || owner === undefined || owner === uid) return;
  throw new Failure(
    EXIT.failed,
    `${directory} belongs to the user ${owner}, and you are ${uid}: run this as that user, such as ` +
      `with sudo -u '#${owner}'`,
  );
}

function nameOf({ kind, addresses, path, masterName, database, prefix, tls }: RedisConfig): string {
  const scheme = tls === null ? "redis" : "rediss";
  const hosts = addresses.map(({ host, port }) => `${host}:${port}`).join(",");
  const where = kind === "sentinel" ? `${masterName ?? ""} by ${hosts}` : (path ?? hosts);
  return `${scheme}://${where}/${database} (${prefix})`;
}
