/** Fails if a document or a picture shows other figures than the published run of the benchmark. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { documentsOf, IMAGES, PUBLISHED } from "../bench/report/documents.js";
import { picturesOf } from "../bench/report/charts.js";

const MAX_BYTES = 40_000;

const published = readFileSync(PUBLISHED, "utf8");
const run = JSON.parse(published);
const problems = documentsOf(run).flatMap(({ url, text, right }) => {
  const lines = text.split("\n");
  const others = right.split("\n").filter((line) => !lines.includes(line));
  return others.map((line) => `${url.pathname}: the published run says: ${line}`);
});
const pictures = picturesOf(run);
for (const name of new Set([...readdirSync(IMAGES), ...Object.keys(pictures)])) {
  const url = new URL(name, IMAGES);
  const svg = existsSync(url) ? readFileSync(url, "utf8") : "";
  if (svg !== pictures[name]) problems.push(`${name} is not the published run's`);
}
if (published.length > MAX_BYTES) problems.push(`the published run has over ${MAX_BYTES} bytes`);

for (const problem of problems) console.error(problem);
if (problems.length > 0) console.error("npm run bench -- --documents writes them anew");
process.exitCode = problems.length > 0 ? 1 : 0;
