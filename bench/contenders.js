/**
 * The contenders: what each one's acknowledgement guarantees, whether it can run here, and how to
 * open it. Whatever is particular to one of them is in this file.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import session from "express-session";
import { EchoStore } from "./echo-store.js";
import { Passes } from "./passes.js";
import { LiteNoSQLInThreadStore, missingLiteNoSQL } from "./lite-nosql-store.js";

const require = createRequire(import.meta.url);
const ENTRY = new URL("../dist/index.js", import.meta.url);
const PASSWORD = "a password of the benchmark";

/** What it means that a write was acknowledged, the strongest first. Only equals are compared. */
export const GUARANTEES = {
  disk: "on disk, fsynced: survives a power cut",
  process: "with the operating system: survives the end of the process, a power cut may lose it",
  memory: "in the memory of the process: lost when it ends",
  none: "nothing: it is no store",
};

/**
 * @typedef {object} Opened
 * @property {import("express-session").Store} store
 * @property {() => Promise<void> | void} close
 * @property {() => Promise<number> | number} [collect] deletes what has expired, now; how many
 * @property {Passes} [passes] how a store that does so by itself, at `gcIntervalMs`, comes along
 * @property {() => Promise<void>} [compact] rewrites the files
 * @property {(relaxed: boolean) => void} [relax] fills faster, without the guarantee
 *
 * @typedef {object} Contender
 * @property {keyof typeof GUARANTEES} guarantee
 * @property {string} what
 * @property {boolean} [ours] whether it is this package's store
 * @property {boolean} [jsonLines] whether its files are lines of JSON, one for each session
 * @property {number} [maxSessions] as many can be put into it in minutes
 * @property {boolean} [files] whether it can be opened again with what it had
 * @property {"always" | "everysec"} [redis] the redis-server that it needs
 * @property {string[]} [during] what it can be made to do while it is measured: "gc", "compaction"
 * @property {() => string | undefined} missing why it cannot run here
 * @property {(at: {directory: string, gcIntervalMs?: number, socket?: string}) => Promise<Opened>} open
 */

function isolate(options, what) {
  return {
    guarantee: "disk",
    ours: true,
    jsonLines: !options.encryptionKey,
    what,
    files: true,
    during: ["gc", "compaction"],
    missing: () => (existsSync(ENTRY) ? undefined : "dist/ is not there: npm run build makes it"),
    async open({ directory, gcIntervalMs }) {
      const { LiteNoSQLStore } = await import(ENTRY.href);
      const collecting = gcIntervalMs && { gcInterval: gcIntervalMs, debug: true };
      const passes = collecting && new Passes(gcIntervalMs);
      const store = new LiteNoSQLStore({ directory, ...options, ...collecting });
      await store.ready;
      passes?.follow(store);
      return {
        store,
        close: () => store.close(),
        compact: () => store.compact(),
        passes,
      };
    },
  };
}

function sqlite(synchronous, guarantee, what) {
  return {
    guarantee,
    what,
    files: true,
    during: ["gc"],
    missing() {
      try {
        const Database = require("better-sqlite3");
        new Database(":memory:").close();
      } catch (error) {
        return `better-sqlite3 does not run here: ${error.message.split("\n", 1)[0]}`;
      }
    },
    async open({ directory }) {
      const Store = require("@sailscastshq/connect-sqlite")(session);
      const store = new Store({ url: join(directory, "sessions.db") });
      const strict = synchronous ?? store.db.pragma("synchronous", { simple: true });
      store.db.pragma(`synchronous = ${strict}`);
      return {
        store,
        close: () => store.close(),
        collect: () => store._statements.prune.run(Date.now()).changes,
        relax: (relaxed) => store.db.pragma(`synchronous = ${relaxed ? "OFF" : strict}`),
      };
    },
  };
}

function redis(appendfsync, guarantee, what) {
  return {
    guarantee,
    what,
    files: true,
    redis: appendfsync,
    missing() {
      const { error } = spawnSync("redis-server", ["--version"]);
      return error && "there is no redis-server";
    },
    async open({ socket }) {
      const { createClient } = await import("redis");
      const { RedisStore } = await import("connect-redis");
      const client = createClient({ socket: { path: socket } });
      await client.connect();
      return { store: new RedisStore({ client }), close: () => client.close() };
    },
  };
}

const always = () => undefined;

function floor(fsync, what) {
  return {
    guarantee: "none",
    what,
    missing: always,
    async open({ directory }) {
      const store = new EchoStore(fsync ? join(directory, "floor") : undefined);
      return { store, close: () => store.close() };
    },
  };
}

/** @type {Record<string, Contender>} */
export const CONTENDERS = {
  isolate: isolate({ isolate: true }, "this store, its engine in a worker thread"),
  "isolate-encrypted": isolate(
    { isolate: true, encryptionKey: PASSWORD },
    "the same, encrypted (AES-256-GCM)",
  ),
  inline: isolate({ isolate: false }, "this store, its engine on the main thread"),
  "inline-encrypted": isolate({ isolate: false, encryptionKey: PASSWORD }, "the same, encrypted"),
  "sqlite-full": sqlite("FULL", "disk", "@sailscastshq/connect-sqlite with synchronous = FULL"),
  "redis-always": redis("always", "disk", "connect-redis, redis-server with appendfsync always"),
  "lite-nosql": {
    guarantee: "disk",
    what: "lite-nosql behind a thin store on the main thread",
    files: true,
    // Each 5 MB of journal it writes the whole snapshot, on the calling thread.
    maxSessions: 100_000,
    during: ["compaction"],
    missing: missingLiteNoSQL,
    async open({ directory }) {
      const store = await LiteNoSQLInThreadStore.open(directory);
      return { store, close: () => store.close(), compact: () => store.compact() };
    },
  },
  sqlite: sqlite(undefined, "process", "@sailscastshq/connect-sqlite as it comes (NORMAL)"),
  "redis-everysec": redis("everysec", "process", "connect-redis, appendfsync everysec"),
  file: {
    guarantee: "process",
    what: "session-file-store; each file is fsynced, its rename is not",
    files: true,
    missing: always,
    async open({ directory }) {
      const Store = require("session-file-store")(session);
      const store = new Store({ path: directory, reapInterval: -1, logFn: () => {} });
      return { store, close() {} };
    },
  },
  memory: {
    guarantee: "memory",
    what: "express-session's MemoryStore",
    missing: always,
    open: async () => ({ store: new session.MemoryStore(), close() {} }),
  },
  memorystore: {
    guarantee: "memory",
    what: "memorystore",
    during: ["gc"],
    missing: always,
    async open() {
      const Store = require("memorystore")(session);
      const store = new Store();
      const collect = () => {
        const before = store.store.itemCount;
        store.prune();
        return before - store.store.itemCount;
      };
      return { store, close: () => store.stopInterval(), collect };
    },
  },
  floor: floor(false, "a bare batched MessagePort echo of the same bytes"),
  "floor-fsync": floor(true, "the same, its sets answered after a bare append and an fsync"),
};
