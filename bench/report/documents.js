/**
 * What the documents say of the published run. A section stands between `<!-- bench: … -->` and
 * `<!-- /bench -->`: the machine, what is lost, the targets, or a situation and which metrics of it.
 * A figure in the text has its name behind it: `142<!-- write-slow/sqlite-full delayP99 -->`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { picturesOf } from "./charts.js";
import { captionOf, medianOf, written } from "./run.js";
import { contendersIn, lostTable, situationTable, targetsTable } from "./tables.js";
/** @import { Run } from "./run.js" */

export const PUBLISHED = new URL("../published.json", import.meta.url);
export const IMAGES = new URL("../../docs/img/", import.meta.url);
const DOCUMENTS = ["../../README.md", "../../docs/performance.md"];

const SECTION = /(<!-- bench: ([^>]+) -->\n).*?(<!-- \/bench -->)/gs;
const FIGURE = /[\d.,]*\d(<!-- ([\w-]+\/[\w-]+ \w+) -->)/g;

/** @param {Run} run @param {string} words what the mark of a section says */
function section(run, words) {
  if (words === "machine") return captionOf(run);
  if (words === "lost") return lostTable(run);
  if (words === "targets") return targetsTable(run);
  const [situation = "", ...metrics] = words.split(" ");
  if (contendersIn(run, situation).length === 0) return "Not measured in this run.";
  return situationTable(run, situation, metrics);
}

/** A text with the figures of a run. @param {string} text @param {Run} run @throws if it lacks one */
export function withFiguresOf(text, run) {
  const figure = (/** @type {string} */ of) => {
    const median = medianOf(run, of);
    if (median === undefined) throw new Error(`the run has no figure ${of}`);
    return written(median);
  };
  return text
    .replace(SECTION, (_, head, words, tail) => `${head}\n${section(run, words)}\n\n${tail}`)
    .replace(FIGURE, (_, mark, of) => figure(of) + mark);
}

/** Each document as it is, and as a run has it. @param {Run} run */
export function documentsOf(run) {
  return DOCUMENTS.map((path) => {
    const url = new URL(path, import.meta.url);
    const text = readFileSync(url, "utf8");
    return { url, text, right: withFiguresOf(text, run) };
  });
}

/** Writes into the documents what the published run says, and its pictures. */
export function writeDocuments() {
  const run = JSON.parse(readFileSync(PUBLISHED, "utf8"));
  for (const { url, right } of documentsOf(run)) writeFileSync(url, right);
  for (const [name, svg] of Object.entries(picturesOf(run))) {
    writeFileSync(new URL(name, IMAGES), svg);
  }
}
