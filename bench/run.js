/** npm run bench: measures the cells, prints what they say, and publishes it if asked to. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cells } from "./cells.js";
import { readOptions, USAGE } from "./options.js";
import { run as runScript } from "./process.js";
import { PUBLISHED, writeDocuments } from "./report/documents.js";
import { reportOf } from "./report/tables.js";
import { runRounds } from "./rounds.js";
import { fsyncMs, slowDisk } from "./slow-disk/index.js";
import { contenderOf } from "./stores/index.js";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const say = (/** @type {string} */ line) => void process.stderr.write(`${line}\n`);

/** The commit that is checked out, with a + if tracked files have changed since. */
function commit() {
  const args = ["describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"];
  return String(execFileSync("git", args, { cwd: HERE })).trim();
}

/** @param {string} directory where the stores have their files */
function describeMachine(directory) {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const disk = `fsync ${fsyncMs(directory).toFixed(2)} ms`;
  const system = `${type()} ${release()}, Node ${process.version}`;
  return `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ${memory}, ${disk}; ${system}`;
}

/** For the files of the stores; removed with this process. */
function temporaryDirectory() {
  mkdirSync(join(HERE, ".data"), { recursive: true });
  const directory = mkdtempSync(join(HERE, ".data", "run-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true, maxRetries: 9 }));
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
  return directory;
}

/** @param {ReturnType<typeof readOptions>} options @returns {Promise<import("./report/run.js").Run>} */
async function measure({ only, stores: named, seconds, rounds, publish }) {
  const root = temporaryDirectory();
  const slow = slowDisk(root);
  const asked = cells(only, named, publish);
  const stores = new Set(asked.map(({ contender }) => contender));
  const missing = new Map([...stores].map((name) => [name, contenderOf(name).missing?.()]));
  const notes = [...missing, ["the slow disk", slow.missing]].flatMap(([what, why]) =>
    why ? [`Left out: ${what}: ${why}.`] : [],
  );
  notes.forEach(say);
  const chosen = asked.filter((it) => !missing.get(it.contender) && !(it.slow && slow.missing));
  const measureCell = async (/** @type {typeof chosen[0]} */ { script, ...cell }) => {
    const directory = mkdtempSync(join(root, "cell-"));
    try {
      return await runScript(script, { ...cell, seconds, directory }, cell.slow ? slow.env : {});
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  };
  const results = await runRounds(chosen, rounds, measureCell, say);
  const date = new Date().toISOString().slice(0, 10);
  return { date, commit: commit(), rounds, machine: describeMachine(root), notes, results };
}

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(USAGE);
  if (options.documents) return writeDocuments();
  if (options.publish && commit().endsWith("+")) {
    throw new Error("a published run names the commit it ran on: commit your changes first");
  }
  const run = await measure(options);
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, JSON.stringify(run));
  console.log(`${reportOf(run)}\n\nWritten: ${options.json}`);
  const failed = Object.values(run.results).some(({ error }) => error);
  process.exitCode = failed ? 1 : 0;
  if (!options.publish || failed) return;
  writeFileSync(PUBLISHED, JSON.stringify(run));
  writeDocuments();
}

await main();
