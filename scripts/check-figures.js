/** Fails if a document or a picture shows other figures than the published run of the benchmark. */
import { readdirSync, readFileSync } from "node:fs";
import { documentsOf, IMAGES, PUBLISHED } from "../bench/report/documents.js";
import { captionOf } from "../bench/report/run.js";

const MAX_BYTES = 40_000;

const published = readFileSync(PUBLISHED, "utf8");
const run = JSON.parse(published);
const problems = documentsOf(run).flatMap(({ url, text, right }) => {
  const lines = text.split("\n");
  const others = right.split("\n").filter((line) => !lines.includes(line));
  return others.map((line) => `${url.pathname}: the published run says: ${line}`);
});
for (const name of readdirSync(IMAGES)) {
  const svg = readFileSync(new URL(name, IMAGES), "utf8");
  if (!svg.includes(captionOf(run))) problems.push(`${name} is of another run`);
}
if (published.length > MAX_BYTES) problems.push(`the published run has over ${MAX_BYTES} bytes`);

for (const problem of problems) console.error(problem);
if (problems.length > 0) console.error("npm run bench -- --documents writes them anew");
process.exitCode = problems.length > 0 ? 1 : 0;
