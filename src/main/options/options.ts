/** Untrusted options in, complete and frozen settings out. */
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { SessionData } from "express-session";

import type { EngineConfig } from "../../protocol/config.js";
import { type DefaultTtl, NEVER } from "../expiry.js";

/** Turns a session into text and back, at once. Runs on the calling thread. */
export interface Serializer {
  stringify(session: object): string;
  parse(text: string): object;
}

/** Lifetime in seconds of a session whose cookie sets none. */
export type Ttl = number | ((session: SessionData) => number);

/** Options in English. */
export interface EnglishOptions {
  /** Where the files live; made if missing, for the owner alone (0700). Required. */
  directory: string;
  /** Stem of the file names: letters, digits, `.`, `_`, `-`, not starting with a dot. `"sessions"`. */
  collection?: string;
  /** Whether a write is fsynced before it is acknowledged. `true`. */
  durable?: boolean;
  /** Size of the journal, in bytes, from which compaction may start. `1048576`. */
  walLimit?: number;
  /** Lifetime in ms where the cookie sets none; not together with `ttl`. */
  ttlMs?: number;
  /** Time in ms between collections of expired sessions. `300000`. */
  gcInterval?: number;
  /** Whether to compact after each collection of expired sessions. `false`. */
  compactAfterGc?: boolean;
  /**
   * Encrypts journal and snapshot: a password of at least 8 characters, or a list of them of which
   * the first encrypts and all decrypt. None.
   */
  encryptionKey?: string | readonly string[];
}

/** The same options under the names of express-lite-nosql-session. */
export interface PortugueseOptions {
  /** `directory` */
  pasta: string;
  /** `collection` */
  colecao?: string;
  /** `durable` */
  modoDuravel?: boolean;
  /** `walLimit` */
  limiteWAL?: number;
  /** `ttlMs` */
  ttlPadraoMs?: number;
  /** `gcInterval` */
  intervaloLimpezaMs?: number;
  /** `compactAfterGc` */
  compactarAposLimpeza?: boolean;
  /** `encryptionKey` */
  chaveEncriptacao?: string | readonly string[];
}

/** Options that have one name. */
export interface CommonOptions {
  /** Lifetime in seconds, or a function of the session, where the cookie sets none. `86400`. */
  ttl?: Ttl;
  /** Log what the store does to stderr, without secrets or session bodies. `false`. */
  debug?: boolean;
  /** Run the engine in a worker thread; `false` runs it on the calling thread. `true`. */
  isolate?: boolean;
  /** Ignore touches: only `set` extends a session. `false`. */
  disableTouch?: boolean;
  /** Sessions never expire; touches are ignored. `false`. */
  disableTTL?: boolean;
  /** `JSON`. */
  serializer?: Serializer;
  /**
   * Bytes of writes that may wait for the disk; past it writes fail at once with
   * `STORE_OVERLOADED`. `67108864`.
   */
  maxPendingBytes?: number;
}

type OneOf<A, B> = { [K in keyof (A & B)]?: (A & B)[K] };

/** Options of the store. Each may be given under either of its names, not under both. */
export type StoreOptions = CommonOptions &
  OneOf<EnglishOptions, PortugueseOptions> &
  (Pick<EnglishOptions, "directory"> | Pick<PortugueseOptions, "pasta">);

/** What the options come to. */
export interface Settings {
  readonly engine: EngineConfig;
  readonly isolate: boolean;
  readonly defaultTtlMs: DefaultTtl;
  readonly disableTouch: boolean;
  readonly disableTTL: boolean;
  /** Null: JSON. */
  readonly serializer: Serializer | null;
  readonly maxPendingBytes: number;
}

/** The other name of each option that has two. */
const ALIASES: Readonly<Record<keyof PortugueseOptions, keyof EnglishOptions>> = {
  pasta: "directory",
  colecao: "collection",
  modoDuravel: "durable",
  limiteWAL: "walLimit",
  ttlPadraoMs: "ttlMs",
  intervaloLimpezaMs: "gcInterval",
  compactarAposLimpeza: "compactAfterGc",
  chaveEncriptacao: "encryptionKey",
};

const ONE_NAME: readonly (keyof CommonOptions)[] = [
  "ttl",
  "debug",
  "isolate",
  "disableTouch",
  "disableTTL",
  "serializer",
  "maxPendingBytes",
];

/** Every name that an option has. */
export const OPTION_NAMES: readonly string[] = [...Object.entries(ALIASES).flat(), ...ONE_NAME];

const DAY_SECONDS = 86_400;
const MIN_PASSWORD_LENGTH = 8;
const MEBIBYTE = 1024 * 1024;
const FIVE_MINUTES_MS = 300_000;

/**
 * Checks options.
 * @throws TypeError, RangeError naming the option
 */
export function resolveOptions(options: unknown): Settings {
  if (typeof options !== "object" || options === null) {
    throw new TypeError('options must be an object, such as { directory: "./data" }');
  }
  const given = new Given(options as Record<string, unknown>);

  const directory = given.string("directory");
  if (directory.value === undefined) {
    throw new TypeError(
      'option "directory" (or "pasta") is required: the directory where the session files live',
    );
  }
  if (directory.value === "") throw new RangeError(`option "${directory.name}" must not be empty`);
  const collection = given.string("collection");
  if (collection.value !== undefined && !/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(collection.value)) {
    throw new RangeError(
      `option "${collection.name}" must be letters, digits, ".", "_" or "-", not starting with a dot: ` +
        `it is part of file names`,
    );
  }
  const ttlMs = given.number("ttlMs", 1, NEVER);
  const ttl = given.get("ttl");
  if (ttl.value !== undefined && ttlMs.value !== undefined) {
    throw new TypeError(`options "ttl" and "${ttlMs.name}" are the same in other units: give one`);
  }
  const defaultTtlMs = ttlMs.value ?? defaultTtl(given);

  return Object.freeze({
    engine: Object.freeze({
      durable: given.boolean("durable", true),
      ttlMs: typeof defaultTtlMs === "number" ? defaultTtlMs : DAY_SECONDS * 1000,
      debug: given.boolean("debug", false),
      encryptionKeys: passwords(given),
      owner: randomUUID(),
      disk: Object.freeze({
        directory: resolve(directory.value),
        collection: collection.value ?? "sessions",
        walLimitBytes: given.integer("walLimit", 0) ?? MEBIBYTE,
        gcIntervalMs: given.integer("gcInterval", 1) ?? FIVE_MINUTES_MS,
        compactAfterGc: given.boolean("compactAfterGc", false),
      }),
    }),
    isolate: given.boolean("isolate", true),
    defaultTtlMs: typeof defaultTtlMs === "number" ? () => defaultTtlMs : defaultTtlMs,
    disableTouch: given.boolean("disableTouch", false),
    disableTTL: given.boolean("disableTTL", false),
    serializer: serializer(given),
    maxPendingBytes: given.integer("maxPendingBytes", 1) ?? 64 * MEBIBYTE,
  });
}

function defaultTtl(given: Given): number | DefaultTtl {
  const { value } = given.get("ttl");
  if (typeof value !== "function") {
    return (given.number("ttl", Number.MIN_VALUE, NEVER / 1000).value ?? DAY_SECONDS) * 1000;
  }
  const ttl = value as (session: object) => unknown;
  return (session) => {
    const seconds = ttl(session);
    if (typeof seconds !== "number" || Number.isNaN(seconds)) {
      throw new TypeError(
        `option "ttl" is a function and must return seconds as a number, got ${describe(seconds)}`,
      );
    }
    return seconds * 1000;
  };
}

function passwords(given: Given): readonly string[] {
  if (!given.has("encryptionKey")) return [];
  const { name, value } = given.get("encryptionKey");
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw new RangeError(`option "${name}" must not be an empty list`);
  return list.map((password) => {
    if (typeof password !== "string") {
      throw new TypeError(
        `option "${name}" must be a string or a list of strings, got ${describe(password)}`,
      );
    }
    if (password.length < MIN_PASSWORD_LENGTH) {
      throw new RangeError(`option "${name}" must have at least ${MIN_PASSWORD_LENGTH} characters`);
    }
    return password;
  });
}

function serializer(given: Given): Serializer | null {
  const { value } = given.get("serializer");
  if (value === undefined || value === JSON) return null;
  const { stringify, parse } = (value ?? {}) as Record<string, unknown>;
  if (typeof stringify !== "function" || typeof parse !== "function") {
    throw new TypeError(
      'option "serializer" must have the functions stringify and parse, as JSON has',
    );
  }
  return value as Serializer;
}

/**
 * Options as they were given, under whichever name. An undefined one counts as not given, but for the
 * key: a variable of the environment that is not set must not mean plaintext.
 */
class Given {
  readonly #values = new Map<string, { name: string; value: unknown }>();

  constructor(options: Record<string, unknown>) {
    for (const [name, value] of Object.entries(options)) {
      if (!OPTION_NAMES.includes(name)) throw new TypeError(unknownOption(name));
      const canonical = Object.hasOwn(ALIASES, name)
        ? ALIASES[name as keyof PortugueseOptions]
        : name;
      if (value === undefined && canonical !== "encryptionKey") continue;
      const other = this.#values.get(canonical);
      if (other !== undefined) {
        throw new TypeError(`options "${other.name}" and "${name}" are the same option: give one`);
      }
      this.#values.set(canonical, { name, value });
    }
  }

  /** The value, and the name under which to speak of it. */
  get(canonical: string): { name: string; value: unknown } {
    return this.#values.get(canonical) ?? { name: canonical, value: undefined };
  }

  has(canonical: string): boolean {
    return this.#values.has(canonical);
  }

  string(canonical: string): { name: string; value: string | undefined } {
    return this.#typed(canonical, "string") as { name: string; value: string | undefined };
  }

  boolean(canonical: string, byDefault: boolean): boolean {
    return (this.#typed(canonical, "boolean").value as boolean | undefined) ?? byDefault;
  }

  number(canonical: string, min: number, max: number): { name: string; value: number | undefined } {
    const typed = this.#typed(canonical, "number");
    const { name, value } = typed as { name: string; value: number | undefined };
    // The comparison is written so that NaN fails it.
    if (value !== undefined && !(value >= min && value < max)) {
      const least = min === Number.MIN_VALUE ? "greater than 0" : `at least ${min}`;
      throw new RangeError(`option "${name}" must be a finite number ${least}, got ${value}`);
    }
    return { name, value };
  }

  integer(canonical: string, min: number): number | undefined {
    const { name, value } = this.number(canonical, min, Infinity);
    if (value !== undefined && !Number.isSafeInteger(value)) {
      throw new RangeError(`option "${name}" must be a whole number, got ${value}`);
    }
    return value;
  }

  #typed(canonical: string, type: string): { name: string; value: unknown } {
    const { name, value } = this.get(canonical);
    if (value !== undefined && typeof value !== type) {
      throw new TypeError(`option "${name}" must be a ${type}, got ${describe(value)}`);
    }
    return { name, value };
  }
}

/** What a value is, without showing it: it may be a secret. */
function describe(value: unknown): string {
  return value === null
    ? "null"
    : Array.isArray(value)
      ? "an array"
      : `a value of type ${typeof value}`;
}

/** More than this many edits away, or every second letter, is no misspelling. */
const MAX_EDITS = 3;

function unknownOption(name: string): string {
  const nearest = OPTION_NAMES.map((known) => ({
    known,
    edits: editDistance(name.toLowerCase(), known.toLowerCase()),
  })).reduce((best, candidate) => (candidate.edits < best.edits ? candidate : best));
  const isMisspelling = nearest.edits <= Math.min(MAX_EDITS, Math.floor(name.length / 2));
  const hint = isMisspelling ? `, did you mean "${nearest.known}"?` : ".";
  return `unknown option "${name}"${hint} Known options: ${OPTION_NAMES.join(", ")}`;
}

/** Levenshtein's distance. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replace = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
