/** npm run plots: the plots of a run as SVG files for the readme, into docs/img. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chartsOf } from "./charts.js";
import { caption } from "./machine.js";
import { RESULTS } from "./options.js";

const { values } = parseArgs({
  options: {
    json: { type: "string", default: join(RESULTS, "latest.json") },
    out: { type: "string", default: fileURLToPath(new URL("../docs/img", import.meta.url)) },
  },
});

const report = JSON.parse(await readFile(values.json, "utf8"));
await mkdir(values.out, { recursive: true });
for (const [name, svg] of Object.entries(chartsOf(report))) {
  await writeFile(join(values.out, `${name}.svg`), `${svg}\n`);
  console.log(`${name}.svg`);
}
console.log(`\nTo stand under them:\n\n${caption(report)}`);
