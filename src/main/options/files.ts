/** The options of the files, and the passwords. */
import { resolve } from "node:path";

import type { DiskConfig } from "../../protocol/config.js";
import { describeType, type Given } from "./given.js";

const MIN_PASSWORD_LENGTH = 8;
const MEBIBYTE = 1024 * 1024;
const FIVE_MINUTES_MS = 300_000;

/** @throws TypeError, RangeError */
export function diskOf(given: Given): DiskConfig {
  return Object.freeze({
    directory: directoryOf(given),
    collection: collectionOf(given),
    share: given.boolean("share", true),
    maxBytes: given.integer("maxBytes", 1),
    walLimitBytes: given.integer("walLimit", 0) ?? MEBIBYTE,
    gcIntervalMs: given.integer("gcInterval", 1) ?? FIVE_MINUTES_MS,
    compactAfterGc: given.boolean("compactAfterGc", false),
  });
}

function directoryOf(given: Given): string {
  const { name, value } = given.string("directory");
  if (value === undefined) {
    throw new TypeError(
      'option "directory" (or "pasta") is required: the directory of the session files; or "redis"',
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

/** @throws TypeError, RangeError */
export function passwordsOf(given: Given): readonly string[] {
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
