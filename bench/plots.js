/**
 * npm run plots: of a run those plots that stand in the readme, as SVG files in docs/img, and its
 * figures as published.json.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { captionLines } from "./machine.js";
import { fromCaller, IMAGES, LATEST, PUBLISHED } from "./paths.js";
import { chartsOf } from "./report-charts.js";

const IN_README = ["delay-slow-disk", "latency-slow-disk", "throughput", "sets-slow-disk"];

const { values } = parseArgs({ options: { json: { type: "string", default: LATEST } } });
const report = JSON.parse(await readFile(fromCaller(values.json), "utf8"));
const charts = chartsOf(report);

await writeFile(PUBLISHED, JSON.stringify(report));
await mkdir(IMAGES, { recursive: true });
const lines = [];
for (const name of IN_README) {
  if (!charts[name]) throw new Error(`the run has nothing for ${name}`);
  await writeFile(join(IMAGES, `${name}.svg`), `${charts[name].svg}\n`);
  lines.push(`![${charts[name].title}](docs/img/${name}.svg)`);
}
console.log(["For the readme:", ...lines, ...captionLines(report)].join("\n\n"));
