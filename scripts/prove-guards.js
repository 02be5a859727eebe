/**
 * Proves that each guard of the engine is needed and each test awake: takes one out of a copy of the
 * source at a time, and expects the tests to notice.
 *
 *     node scripts/prove-guards.js              all of them
 *     node scripts/prove-guards.js compactor    those whose name has this in it
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const CUTS = "test/faults/power-cut.test.ts";
const TROUBLE = "test/faults/disk-trouble.test.ts";
const LOST = "test/faults/lost-lock.test.ts";

const SYNC_DIRECTORY = "await files.syncDirectory(paths.directory);";

/** A guard is the `nth` place in `file` where this text stands. */
const GUARDS = [
  ["journal: fsync of an append", "journal.ts", "await file.sync();", 1, CUTS],
  ["journal: a failed fsync is not trusted", "journal.ts", "this.#known = false;", 1, TROUBLE],
  [
    "journal: half a record is cut off",
    "journal.ts",
    "await file.truncate(this.#length);",
    1,
    TROUBLE,
  ],
  ["snapshot: fsync", "snapshot-writer.ts", "await this.#file.sync();", 1, CUTS],
  ["compactor: fsync of the new journal", "compactor.ts", "await target.sync();", 1, CUTS],
  ["compactor: fsync of the old journal", "compactor.ts", "await journal.sync();", 1, CUTS],
  ["compactor: directory, snapshot renamed", "compactor.ts", SYNC_DIRECTORY, 1, CUTS],
  ["compactor: directory, journal renamed", "compactor.ts", SYNC_DIRECTORY, 2, CUTS],
  ["opening: the torn tail is cut off", "opening.ts", "await file.truncate(length);", 1, CUTS],
  ["opening: fsync of the journal", "opening.ts", "await file.sync();", 1, CUTS],
  ["opening: directory", "opening.ts", SYNC_DIRECTORY, 1, CUTS],
  [
    "keyring: fsync of another's salt",
    "keyring.ts",
    "await file.sync();",
    1,
    "test/disk/keys.test.ts",
  ],
  ["keyring: fsync of the salt", "keyring.ts", "await file.sync();", 2, CUTS],
  ["keyring: directory", "keyring.ts", SYNC_DIRECTORY, 1, CUTS],
  ["quarantine: fsync", "quarantine.ts", "await target.sync();", 1, CUTS],
  ["quarantine: fsync of the sealed one", "quarantine.ts", "await target.sync();", 2, CUTS],
  ["quarantine: directory", "quarantine.ts", SYNC_DIRECTORY, 1, CUTS],
  ["journal: fsync of a cut", "journal.ts", "await file.sync();", 2, TROUBLE],
  [
    "committer: no write after a task that failed",
    "committer.ts",
    "if (!this.#parts.journal.known) this.refuse(error);",
    1,
    "test/disk/committer.test.ts",
  ],
  ["committer: still the owner", "committer.ts", "await assertOwned();", 1, LOST],
  ["opening: still the owner, damage", "opening.ts", "await parts.assertOwned();", 1, LOST],
  ["opening: still the owner, journal", "opening.ts", "await assertOwned();", 1, LOST],
  ["compactor: still the owner, snapshot", "compactor.ts", "await assertOwned();", 1, LOST],
  ["compactor: still the owner, journal", "compactor.ts", "await assertOwned();", 2, LOST],
  ["engine: fsync at closing", "engine.ts", "journal.sync()", 1, CUTS],
  [
    "engine: half a quarantine is removed",
    "engine.ts",
    "await files.remove(paths.quarantineTemporary);",
    1,
    TROUBLE,
  ],
  [
    "engine: half a salt is removed",
    "engine.ts",
    "await files.remove(paths.saltTemporary);",
    1,
    TROUBLE,
  ],
  ["files: fsync of a copy", "files.ts", "await target.sync();", 1, "test/ports/files.test.ts"],
  [
    "files: directory above a new one",
    "files.ts",
    "await nodeFiles.syncDirectory(dirname(path));",
    1,
    "test/ports/files.test.ts",
  ],
];

/** Random scripts differ: so many seeds are tried before a guard counts as superfluous. */
const SEEDS = [1, 2, 3, 4, 5];

const root = fileURLToPath(new URL("..", import.meta.url));
const wanted = process.argv[2] ?? "";
const copy = mkdtempSync(join(tmpdir(), "prove-guards-"));
let unproven = 0;
try {
  for (const name of ["src", "test", "package.json", "tsconfig.json", "vitest.config.ts"]) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction");
  const tests = [...new Set(GUARDS.map(([, , , , test]) => test))];
  const untouched = tests.map((test) => run(test, 1)).find(({ red }) => red);
  if (untouched) throw new Error(`red without any change:\n${untouched.output}`);
  for (const [name, file, text, nth, test] of GUARDS) {
    if (!name.includes(wanted)) continue;
    const path = join(copy, pathOf(file));
    const source = readFileSync(path, "utf8");
    const changed = without(source, text, nth);
    if (changed === null) {
      unproven++;
      console.log(`${"ABSENT".padEnd(35)}  ${name}`);
      continue;
    }
    writeFileSync(path, changed);
    const result = firstRed(test);
    writeFileSync(path, source);
    if (!result) unproven++;
    console.log(
      `${result ? `red    ${result.summary.padStart(28)}` : "GREEN".padEnd(35)}  ${name}`,
    );
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.exitCode = unproven > 0 ? 1 : 0;

/** @param {string} file the name of a file somewhere in src/worker */
function pathOf(file) {
  const names = readdirSync(join(root, "src", "worker"), { recursive: true }).map(String);
  return join("src", "worker", names.find((name) => basename(name) === file) ?? file);
}

/** @param {string} test */
function firstRed(test) {
  for (const seed of SEEDS) {
    const result = run(test, seed);
    if (result.red) return result;
  }
  return null;
}

/** @param {string} source @param {string} text @param {number} nth */
function without(source, text, nth) {
  let at = -1;
  for (let found = 0; found < nth; found++) {
    at = source.indexOf(text, at + 1);
    if (at === -1) return null;
  }
  const nothing = text.endsWith(";") ? ";" : "Promise.resolve()";
  return source.slice(0, at) + nothing + source.slice(at + text.length);
}

/** @param {string} test @param {number} seed */
function run(test, seed) {
  const vitest = join("node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=dot", "--reporter=./test/support/totals-reporter.ts"];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [vitest, "run", test, ...reporters],
    { cwd: copy, encoding: "utf8", env: { ...process.env, TEST_SEED: String(seed) } },
  );
  const output = stdout + stderr;
  const summary = /(\d+) power cuts: (\d+) violations/.exec(stdout)?.[0] ?? "";
  return { red: status !== 0, summary, output };
}
