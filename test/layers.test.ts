/**
 * What may import what in src/: main → protocol ← worker, the command line from outside, the rooms of
 * each in one direction, and each dangerous module in one place. Types count as much as values, except where a rule says
 * otherwise.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type Import, importsOf } from "./support/imports.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const DISK = "src/worker/disk/";
const REDIS = "src/worker/redis/";
const MOVE = "src/worker/move/";
const PORTS = "src/worker/ports/";
const SHARE = "src/worker/share/";
const PROTOCOL = "src/protocol/";

/** What the public modules may import. */
const DOOR = ["src/main/store.ts", "src/main/session-store.ts", "src/main/options/", PROTOCOL];

/**
 * What the files under a path may import: files under these paths. The longest path that a file is
 * under is the one that holds for it.
 */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  "src/main/index.ts": DOOR,
  "src/main/connect.ts": DOOR,
  "src/main/": ["src/main/", PROTOCOL],
  "src/main/options/": ["src/main/options/", `${PROTOCOL}config.ts`],
  "src/main/hosts/": ["src/main/hosts/", PROTOCOL],
  "src/cli/": [
    "src/cli/",
    "src/main/options/",
    "src/main/hosts/inline-host.ts",
    PROTOCOL,
    PORTS,
    `${DISK}outside.ts`,
    `${SHARE}open.ts`,
  ],
  [PROTOCOL]: [PROTOCOL],
  "src/worker/": [
    "src/worker/open.ts",
    `${SHARE}open.ts`,
    `${REDIS}engine.ts`,
    `${MOVE}engine.ts`,
    PORTS,
    PROTOCOL,
  ],
  [SHARE]: [SHARE, ...["engine.ts", "lock/"].map((room) => DISK + room), PORTS, PROTOCOL],
  [PORTS]: [PORTS, ...["errors.ts", "timers.ts", "wire-error.ts"].map((file) => PROTOCOL + file)],
  [DISK]: [DISK, PORTS, PROTOCOL],
  [REDIS]: [REDIS, PORTS, PROTOCOL],
  [MOVE]: [MOVE, `${DISK}engine.ts`, `${REDIS}engine.ts`, PORTS, PROTOCOL],
  [`${DISK}journal/`]: rooms("journal/", "documents/", "keys/", "lines/"),
  [`${DISK}snapshot/`]: rooms("snapshot/", "shapes/", "documents/", "keys/", "lines/"),
  [`${DISK}shapes/`]: rooms("shapes/", "documents/", "lines/"),
  [`${DISK}documents/`]: rooms("documents/", "lines/"),
  [`${DISK}keys/`]: rooms("keys/", "lines/", "paths.ts"),
  [`${DISK}lock/`]: [...rooms("lock/", "paths.ts"), `${PROTOCOL}errors.ts`],
  [`${DISK}lines/`]: rooms("lines/"),
};

/** Rooms of the engine over files, and the outside world. */
function rooms(...names: string[]): string[] {
  return [...names.map((name) => `${DISK}${name}`), PORTS];
}

/** What main loads when the engine runs on its own thread: by one dynamic import, and no other. */
const ENGINE = "src/worker/open.ts";

/** The vocabulary: what both halves speak is made of the language alone. */
const WITHOUT_PACKAGES = ["src/protocol/contract.ts", "src/protocol/errors.ts"];

interface Rule {
  /** Who may import it. */
  readonly by: readonly string[];
  /** The names that others may import all the same. */
  readonly others?: Readonly<Record<string, readonly string[]>>;
  /** Whether anyone may import its types. */
  readonly typesAreFree?: boolean;
}

/** Modules that reach nothing outside the process: anyone but the vocabulary may import them. */
const HARMLESS = /^node:(path|url|util|zlib|os|events|buffer)$/;

const MODULES: Readonly<Record<string, Rule>> = {
  comlink: { by: ["src/protocol/rpc.ts"] },
  // The client of Redis, or a module of the application that makes one.
  "(computed)": { by: [`${REDIS}driver.ts`] },
  "express-session": { by: ["src/main/"] },
  "node:fs": {
    by: ["src/worker/ports/system-calls.ts"],
    others: {
      "src/worker/ports/node-files.ts": ["constants"],
      // It asks /proc which processes live, which is no file of ours.
      "src/worker/ports/process-table.ts": ["readFileSync", "readlinkSync"],
      // It reads the code of the disk thread.
      "src/worker/index.ts": ["readFileSync"],
      // Of the directory and the file of a socket, which take no time.
      "src/worker/ports/sockets.ts": [
        ...["chmodSync", "closeSync", "constants", "lstatSync", "openSync"],
      ],
      // It reads the files that the command line names, and asks whose a directory is.
      "src/cli/place.ts": ["readFileSync", "statSync"],
      // A directory gets its name when it is complete, and goes if it will not be.
      "src/cli/new-directory.ts": ["rmdirSync", "rmSync"],
    },
    typesAreFree: true,
  },
  // It asks who is at the terminal.
  "node:readline/promises": { by: ["src/cli/output.ts"] },
  // Whoever asks for a timer must get a real one: see that file.
  "node:timers": { by: ["src/protocol/timers.ts"] },
  "node:timers/promises": { by: ["src/protocol/timers.ts"] },
  "node:crypto": {
    by: [
      // Checksums, and names that nobody else has.
      "src/cli/",
      "src/worker/disk/keys/cipher.ts",
      `${REDIS}seal.ts`,
      "src/worker/ports/nonce.ts",
      `${SHARE}handshake.ts`,
    ],
    // It gives each store a name.
    others: { "src/main/options/resolve.ts": ["randomUUID"] },
  },
  "node:async_hooks": { by: ["src/main/hosts/root-context.ts"] },
  "node:net": { by: ["src/worker/ports/sockets.ts"], typesAreFree: true },
  "node:v8": { by: ["src/worker/ports/heap.ts", "src/worker/share/messages.ts"] },
  "node:worker_threads": {
    by: [
      "src/main/hosts/worker-life.ts",
      "src/worker/index.ts",
      "src/worker/disk-thread.ts",
      "src/worker/ports/thread-files.ts",
      // Only its limits.
      "src/worker/ports/heap.ts",
    ],
    typesAreFree: true,
  },
};

/** The imports of `sources` (path from the root to text) that break a rule. */
function violations(sources: Readonly<Record<string, string>>): string[] {
  const found: string[] = [];
  const imported = new Set<string>();
  for (const [file, text] of Object.entries(sources)) {
    for (const one of importsOf(text)) {
      if (one.module.startsWith(".")) {
        const target = posix.join(posix.dirname(file), one.module).replace(/\.js$/, ".ts");
        const isEngineImport = one.isDynamic && target === ENGINE && file.startsWith("src/main/");
        if (isEngineImport && !imported.has(target)) {
          imported.add(target);
          continue;
        }
        if (allowedFrom(file).some((path) => target.startsWith(path))) continue;
      } else if (mayImport(file, one)) continue;
      found.push(`${file} imports ${one.module}`);
    }
  }
  return found;
}

function allowedFrom(file: string): readonly string[] {
  const paths = Object.keys(LAYERS).filter((path) => file.startsWith(path));
  const longest = paths.reduce((best, path) => (path.length > best.length ? path : best), "");
  return LAYERS[longest] ?? [];
}

function mayImport(file: string, { module, names, isType }: Import): boolean {
  const rule = MODULES[module.replace(/^node:fs\/promises$/, "node:fs")];
  if (WITHOUT_PACKAGES.includes(file)) return false;
  if (rule === undefined) return HARMLESS.test(module);
  if (rule.by.some((place) => file.startsWith(place))) return true;
  if (rule.typesAreFree && isType) return true;
  const allowed = rule.others?.[file] ?? [];
  return names.length > 0 && names.every((name) => allowed.includes(name));
}

function readSources(): Record<string, string> {
  const files = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    files.map((file) => [relative(ROOT, file).split(sep).join("/"), readFileSync(file, "utf8")]),
  );
}

describe("the rules", () => {
  it.each([
    ["main on worker", "src/main/store.ts", 'import { x } from "../worker/service.js";'],
    ["main on a type of worker", "src/main/store.ts", 'import type { X } from "../worker/log.js";'],
    ["main on worker, dynamically", "src/main/client.ts", 'await import("../worker/service.js");'],
    [
      "main on the engine, statically",
      "src/main/client.ts",
      'import { x } from "../worker/open.js";',
    ],
    ["main on a computed module", "src/main/client.ts", "await import(name);"],
    ["a room on one above it", "src/worker/disk/keys/log.ts", 'import "../journal/journal.js";'],
    ["the journal on the snapshot", "src/worker/disk/journal/log.ts", 'import "../snapshot/x.js";'],
    [
      "the snapshot on a type of the journal",
      "src/worker/disk/snapshot/log.ts",
      'import type { X } from "../journal/record.js";',
    ],
    ["a room on the root of the engine", "src/worker/disk/lock/log.ts", 'import "../opening.js";'],
    ["the lock on documents", "src/worker/disk/lock/log.ts", 'import "../documents/x.js";'],
    ["the outside world on the engine", "src/worker/ports/log.ts", 'import "../disk/paths.js";'],
    ["the thread on a part of the engine", "src/worker/index.ts", 'import "./disk/service.js";'],
    ["one engine on another", "src/worker/redis/log.ts", 'import "../disk/keys/cipher.js";'],
    ["moving on a part of an engine", "src/worker/move/log.ts", 'import "../disk/lock/lock.js";'],
    ["the client elsewhere", "src/worker/redis/log.ts", 'import "@redis/client";'],
    ["hosts on the store", "src/main/hosts/log.ts", 'import "../reporter.js";'],
    ["options on the store", "src/main/options/log.ts", 'import "../expiry.js";'],
    [
      "the command line on a part of the engine",
      "src/cli/x.ts",
      'import "../worker/disk/opening.js";',
    ],
    ["the store on the command line", "src/main/store.ts", 'import "../cli/commands.js";'],
    ["an entry on the client", "src/main/index.ts", 'import "./client.js";'],
    ["worker on main", "src/worker/service.ts", 'export * from "../main/expiry.js";'],
    [
      "worker on an inline type of main",
      "src/worker/log.ts",
      'let x: import("../main/client.js").X;',
    ],
    ["protocol on main", "src/protocol/rpc.ts", 'import "../main/store.js";'],
    ["protocol on worker", "src/protocol/rpc.ts", 'import type { X } from "../worker/log.js";'],
    ["anything outside src", "src/main/index.ts", 'import x from "../../package.json";'],
    [
      "a package in the contract",
      "src/protocol/contract.ts",
      'import type { X } from "node:path";',
    ],
    ["a package in the errors", "src/protocol/errors.ts", 'import { inspect } from "node:util";'],
    ["comlink elsewhere", "src/main/client.ts", 'import { wrap } from "comlink";'],
    ["a type of comlink elsewhere", "src/main/client.ts", 'import type { Remote } from "comlink";'],
    [
      "express-session in the worker",
      "src/worker/log.ts",
      'import type { X } from "express-session";',
    ],
    ["files elsewhere", "src/worker/log.ts", 'import { open } from "node:fs/promises";'],
    ["files under the old name", "src/worker/ports/system-calls.ts", 'import fs from "fs";'],
    ["a wait for libuv's pool", "src/worker/index.ts", 'import { readFile } from "node:fs";'],
    ["crypto elsewhere", "src/worker/log.ts", 'import { createHash } from "node:crypto";'],
    [
      "more of crypto than is allowed",
      "src/main/options/resolve.ts",
      'import { randomUUID, hash } from "node:crypto";',
    ],
    ["all of crypto", "src/main/options/resolve.ts", 'import * as crypto from "node:crypto";'],
    ["timers elsewhere", "src/main/batch.ts", 'import { setImmediate } from "node:timers";'],
    ["threads elsewhere", "src/main/store.ts", 'import { Worker } from "node:worker_threads";'],
    ["a package that nobody chose", "src/main/store.ts", 'import x from "lodash";'],
  ])("forbid %s", (_, file, text) => {
    expect(violations({ [file]: text })).toHaveLength(1);
  });

  it("forbid a second import of the engine", () => {
    const text = 'await import("../worker/open.js");';
    const sources = { "src/main/client.ts": text, "src/main/other.ts": text };
    expect(violations(sources)).toEqual(["src/main/other.ts imports ../worker/open.js"]);
  });

  it("allow what the design needs", () => {
    const sources = {
      "src/main/options/resolve.ts": 'import { randomUUID } from "node:crypto";',
      "src/main/hosts/worker-life.ts": `
        import { Worker } from "node:worker_threads";
        import { connect } from "../../protocol/rpc.js";
        new Worker(file);`,
      "src/main/hosts/worker-file.ts": 'import { fileURLToPath } from "node:url";',
      "src/main/hosts/inline-host.ts": 'const engine = await import("../../worker/open.js");',
      "src/main/index.ts": 'import session from "express-session"; import { x } from "./store.js";',
      "src/protocol/rpc.ts": `
        import * as Comlink from "comlink";
        import type { MessagePort } from "node:worker_threads";
        import type { Engine } from "./contract.js";`,
      "src/worker/ports/system-calls.ts": 'import * as fs from "node:fs";',
      "src/worker/ports/node-files.ts":
        'import { constants } from "node:fs"; import { dirname } from "node:path";',
      "src/worker/disk/keys/cipher.ts": 'import { createCipheriv } from "node:crypto";',
      "src/worker/index.ts": `
        import { parentPort } from "node:worker_threads";
        import { openEngine } from "./open.js";`,
      "src/worker/disk/opening.ts": 'import { readJournal } from "./journal/journal-reader.js";',
      "src/worker/disk/keys/salt.ts": 'import type { CollectionPaths } from "../paths.js";',
    };
    expect(violations(sources)).toEqual([]);
  });
});

describe("the source", () => {
  const sources = readSources();

  it("is all there", () => {
    expect(Object.keys(sources)).toEqual(
      expect.arrayContaining(["src/main/index.ts", "src/protocol/rpc.ts", "src/worker/index.ts"]),
    );
  });

  it("keeps the rules", () => {
    expect(violations(sources)).toEqual([]);
  });
});
