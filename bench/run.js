/** npm run bench: which cells there are, what they say, and where it is written. */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Cells } from "./cells.js";
import { CONTENDERS } from "./contenders.js";
import { fsyncMs, inMemory, slowDisk } from "./disk.js";
import { removeWithThisProcess } from "./ending.js";
import { captionLines, describeMachine } from "./machine.js";
import { cellsFor } from "./matrix.js";
import { readOptions, USAGE, UsageError } from "./options.js";
import { htmlPage } from "./page.js";
import { runRounds } from "./rounds.js";
import { tablesOf, targetTable, textTable } from "./tables.js";
import { judge } from "./targets.js";

const say = (line) => process.stderr.write(`${line}\n`);

/** Why contenders and the slow disk cannot run here; undefined for those that can. */
function missingParts({ stores }, slow) {
  const missing = { slow: slow.missing };
  for (const name of stores) missing[name] = CONTENDERS[name].missing();
  return missing;
}

/** What a reader must know that is not in the figures. */
function notesOn(missing, root, { cores }) {
  const notes = Object.entries(missing)
    .filter(([, why]) => why)
    .map(([what, why]) => `left out: ${what === "slow" ? "the slow disk" : what}: ${why}`);
  for (const name of Object.keys(missing)) {
    const { maxSessions } = CONTENDERS[name] ?? {};
    if (!maxSessions || missing[name]) continue;
    notes.push(
      `left out: ${name} with more than ${maxSessions} sessions: filling it takes too long`,
    );
  }
  if (inMemory(root)) notes.push("the directory is in memory: an fsync costs nothing here");
  if (cores < 4) {
    notes.push(
      `server, worker threads and load generator share ${cores} cores: figures at full speed are ` +
        "those of all of them together",
    );
  }
  return notes;
}

async function measure(command, options, root) {
  const slow = slowDisk(root);
  const missing = missingParts(options, slow);
  const cells = cellsFor(options, missing);
  if (options.list) return console.log(cells.map(({ id }) => id).join("\n"));

  const machine = { ...describeMachine(), fsyncMs: fsyncMs(root) };
  const notes = notesOn(missing, root, machine);
  notes.forEach(say);
  say(`${cells.length} cells, ${options.repeat} times`);

  const runner = new Cells(root, options, slow);
  const { only, stores, seconds, rates, full } = options;
  const report = { machine, command, settings: { only, stores, seconds, rates, full }, notes };
  // What a run of hours has found so far is there if it is interrupted.
  for await (const found of runRounds(cells, options, (cell) => runner.run(cell), say)) {
    const targets = judge(found.results, Math.min(...rates));
    Object.assign(report, found, { targets });
    await write(report, options.json);
  }
  if (report.rounds < options.repeat) {
    notes.push(`${report.rounds} of ${options.repeat} runs of each cell fitted into the time`);
    await write(report, options.json);
  }
  print(report);
  process.exitCode = report.results.some(({ error }) => error) ? 1 : 0;
}

async function write(report, json) {
  const page = `${json.replace(/\.json$/, "")}.html`;
  await mkdir(dirname(json), { recursive: true });
  await writeFile(json, JSON.stringify(report));
  await writeFile(page, htmlPage(report));
  say(`written: ${json} and ${page}`);
}

function print(report) {
  for (const table of [...tablesOf(report.results), targetTable(report.targets)]) {
    console.log(`\n${textTable(table)}`);
  }
  console.log(`\n${[...captionLines(report), ...report.notes].join("\n")}`);
}

/** What to type for the same figures, without where they were written. */
function commandOf(args) {
  const json = (arg) => arg === "--json" || arg?.startsWith("--json=");
  const kept = args.filter((arg, i) => !json(arg) && args[i - 1] !== "--json");
  const lite = process.env.LITE_NOSQL ? ["LITE_NOSQL=<checkout>"] : [];
  return [...lite, "npm run bench", ...(kept.length > 0 ? ["--", ...kept] : [])].join(" ");
}

async function main(args) {
  const options = readOptions(args);
  if (options.help) return console.log(USAGE);
  await mkdir(options.directory, { recursive: true });
  const root = await mkdtemp(join(options.directory, "run-"));
  removeWithThisProcess(root);
  await measure(commandOf(args), options, root);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  say(`${error.message}\nnpm run bench -- --help names the options`);
  process.exitCode = 2;
}
