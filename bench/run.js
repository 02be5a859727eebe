/** npm run bench: runs the cells one after the other and reports what they say. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Cells } from "./cells.js";
import { CONTENDERS } from "./contenders.js";
import { fsyncMs, inMemory, slowDisk } from "./disk.js";
import { caption, describeMachine } from "./machine.js";
import { cellsFor } from "./matrix.js";
import { readOptions, USAGE } from "./options.js";
import { htmlPage } from "./page.js";
import { addWindows, summarize } from "./results.js";
import { tablesOf, targetTable, textTable } from "./tables.js";
import { judge } from "./targets.js";

const say = (line) => process.stderr.write(`${line}\n`);

/** Why contenders and conditions are left out; undefined for those that are not. */
function missingParts({ stores }, slow) {
  const missing = { slow: slow.missing };
  for (const name of stores) missing[name] = CONTENDERS[name].missing();
  return missing;
}

async function runCells(cells, runner, { rounds }) {
  const results = cells.map((cell) => ({ ...cell, windows: {}, summary: {} }));
  const startedAt = Date.now();
  for (let round = 0; round < rounds; round++) {
    for (const [index, result] of results.entries()) {
      const cellStartedAt = Date.now();
      try {
        addWindows(result, await runner.run(result));
      } catch (error) {
        result.error = error.message.split("\n", 1)[0];
      }
      result.summary = summarize(result);
      const done = round * results.length + index + 1;
      const took = ((Date.now() - cellStartedAt) / 1e3).toFixed(1);
      const total = ((Date.now() - startedAt) / 1e3).toFixed(0);
      const outcome = result.error ? `failed: ${result.error}` : `${took} s`;
      say(`[${done}/${results.length * rounds}, ${total} s] ${result.id}: ${outcome}`);
    }
  }
  return results;
}

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(USAGE);

  await mkdir(options.directory, { recursive: true });
  const root = await mkdtemp(join(options.directory, "run-"));
  process.once("SIGINT", () => process.exit(130));
  try {
    const slow = slowDisk(root);
    const missing = missingParts(options, slow);
    const cells = cellsFor(options, missing);
    if (options.list) return console.log(cells.map((cell) => cell.id).join("\n"));

    const leftOut = Object.entries(missing)
      .filter(([, why]) => why)
      .map(([what, why]) => `left out: ${what === "slow" ? "the slow disk" : what}: ${why}`);
    const machine = { ...describeMachine(), fsyncMs: fsyncMs(root) };
    if (inMemory(root)) leftOut.push("this directory is in memory: an fsync costs nothing here");
    leftOut.forEach(say);
    say(`${cells.length} cells, ${options.rounds} times`);

    const results = await runCells(cells, new Cells(root, options, slow), options);
    const command = ["npm run bench --", ...process.argv.slice(2)].join(" ").replace(/ --$/, "");
    const targets = judge(results, Math.min(...options.rates));
    const report = { machine, command, leftOut, options, targets, results };

    for (const table of [...tablesOf(results), targetTable(targets)]) {
      console.log(`\n${textTable(table)}`);
    }
    console.log(`\n${[caption(report), ...leftOut].join("\n")}`);
    await mkdir(dirname(options.json), { recursive: true });
    await writeFile(options.json, JSON.stringify(report));
    const page = options.json.replace(/(\.json)?$/, ".html");
    await writeFile(page, htmlPage(report));
    say(`written: ${options.json} and ${page}`);
    process.exitCode = results.some((result) => result.error) ? 1 : 0;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

await main();
