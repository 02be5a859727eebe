/**
 * Proves that each safeguard of the engine is needed and each test awake: takes one line that is
 * marked `// guard: <name>` out of a copy of the source at a time, and expects its test to fail.
 *
 *     node scripts/prove-guards.js                all of them
 *     node scripts/prove-guards.js compaction     those whose name contains this
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
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Both files of them: vitest takes a name for all files that begin with it. */
const CUTS = "test/faults/power-cut";
const TROUBLE = "test/faults/disk-trouble.test.ts";
const LOST = "test/faults/lost-lock.test.ts";
const FILES = "test/ports/node-files.test.ts";

/** The test of each guard, by its name. */
const TESTS = new Map([
  ["journal, fsync of a commit", CUTS],
  ["journal, a failed fsync is not trusted", "test/faults/closing-trouble.test.ts"],
  ["journal, nor that of a commit", TROUBLE],
  ["journal, what was refused is cut off", TROUBLE],
  ["journal, fsync of a cut", TROUBLE],
  ["journal, a file that is no longer open is not trusted", "test/faults/lost-files.test.ts"],
  ["snapshot, fsync", CUTS],
  ["committer, refusal after a task", "test/disk/committer.test.ts"],
  ["committer, still the owner", LOST],
  ["committer, the lock is still ours after the fsync", "test/share/member.test.ts"],
  ["presence, lost files are not written to", "test/faults/lost-files.test.ts"],
  ["compaction, the salt is there", "test/faults/lost-files.test.ts"],
  ["compaction, touches before the snapshot", "test/disk/compaction-failure.test.ts"],
  ["compaction, fsync of the new journal", CUTS],
  ["compaction, fsync of the old journal", CUTS],
  ["compaction, still the owner before the snapshot", LOST],
  ["compaction, directory after the snapshot", CUTS],
  ["compaction, still the owner before the journal", LOST],
  ["compaction, directory after the journal", CUTS],
  ["opening, still the owner before damage is set aside", LOST],
  ["opening, still the owner before the cut", LOST],
  ["opening, cut of the torn tail", CUTS],
  ["opening, fsync before a step", CUTS],
  ["opening, fsync of the journal", CUTS],
  ["opening, directory", CUTS],
  ["closing, fsync", CUTS],
  ["reading, both files are of one moment", "test/disk/reading.test.ts"],
  ["copying, both files are of one moment", "test/disk/reading.test.ts"],
  ["quarantine, fsync", CUTS],
  ["quarantine, directory", "test/disk/quarantine.test.ts"],
  ["salt, fsync of another's", "test/disk/keys/salt.test.ts"],
  ["salt, directory", CUTS],
  ["small file, fsync", CUTS],
  ["engine, half a quarantine is removed", TROUBLE],
  ["engine, half a salt is removed", TROUBLE],
  ["departure, directory", "test/disk/departure.test.ts"],
  ["files, directory above a new one", FILES],
]);

/** Random scripts differ: so many seeds are tried before a guard is taken for superfluous. */
const SEEDS = [1, 2, 3, 4, 5];

const MARK = /^.*\/\/ guard: (.+)$/gm;

const root = fileURLToPath(new URL("..", import.meta.url));
const wanted = process.argv[2] ?? "";
const copy = mkdtempSync(join(tmpdir(), "prove-guards-"));
let unproven = 0;
try {
  for (const name of ["src", "test", "package.json", "tsconfig.json", "vitest.config.ts"]) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction");
  const guards = findGuards();
  const names = new Set(guards.map(({ name }) => name));
  for (const name of TESTS.keys()) if (!names.has(name)) report("NOT IN THE SOURCE", name, false);
  const chosen = guards.filter(({ name }) => name.includes(wanted));
  if (chosen.length === 0) throw new Error(`no guard's name contains "${wanted}"`);
  const tests = [...new Set(chosen.flatMap(({ name }) => TESTS.get(name) ?? []))];
  const untouched = tests.map((test) => run(test, 1)).find(({ red }) => red);
  if (untouched) throw new Error(`red without any change:\n${untouched.output}`);
  for (const guard of chosen) prove(guard);
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.exitCode = unproven > 0 ? 1 : 0;

/** The marked lines of the source. @returns {{ name: string, path: string, line: string }[]} */
function findGuards() {
  return readdirSync(join(copy, "src"), { recursive: true })
    .map((name) => join(copy, "src", String(name)))
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) =>
      [...readFileSync(path, "utf8").matchAll(MARK)].map(([line, name = ""]) => ({
        name,
        path,
        line,
      })),
    );
}

/** @param {{ name: string, path: string, line: string }} guard */
function prove({ name, path, line }) {
  const test = TESTS.get(name);
  if (test === undefined) {
    report("WITHOUT A TEST", name, false);
    return;
  }
  const source = readFileSync(path, "utf8");
  writeFileSync(path, source.replace(line, ""));
  const result = firstRed(test);
  writeFileSync(path, source);
  report(result ? `red    ${result.summary.padStart(28)}` : "GREEN", name, result !== null);
}

/** @param {string} verdict @param {string} name @param {boolean} isProven */
function report(verdict, name, isProven) {
  if (!isProven) unproven++;
  console.log(`${verdict.padEnd(35)}  ${name}`);
}

/** @param {string} test */
function firstRed(test) {
  for (const seed of SEEDS) {
    const result = run(test, seed);
    if (result.red) return result;
  }
  return null;
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
