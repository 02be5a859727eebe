/** A run as Markdown tables, which a terminal, a document and a pull request all show. */
import { markdownTable } from "markdown-table";
import { SITUATIONS } from "../cells.js";
import { CONTENDERS, GUARANTEES } from "../stores/index.js";
import { captionOf, medianOf, METRICS, TARGETS, written, writtenWithSpread } from "./run.js";
/** @import { Run } from "./run.js" */

/** A table whose first two columns are text. @param {string[]} head @param {string[][]} rows */
const table = (head, rows) =>
  markdownTable([head, ...rows], { align: ["l", "l", ...head.slice(2).map(() => "r")] });

const STRENGTH = Object.keys(GUARANTEES);
/** Those that were run, with the strongest guarantee first. @param {Run} run */
export function contendersIn(run, /** @type {string} */ situation) {
  return Object.entries(CONTENDERS)
    .map(([name, contender]) => ({ id: `${situation}/${name}`, ...contender }))
    .filter(({ id }) => run.results[id])
    .toSorted((a, b) => STRENGTH.indexOf(a.guarantee) - STRENGTH.indexOf(b.guarantee));
}

/** What was measured in one situation. @param {Run} run @param {string} situation */
export function situationTable(run, situation, metrics = Object.keys(METRICS)) {
  const contenders = contendersIn(run, situation);
  const measured = metrics.filter((metric) =>
    contenders.some(({ id }) => medianOf(run, `${id} ${metric}`) !== undefined),
  );
  const rows = contenders.map(({ id, label, guarantee }) => {
    const error = run.results[id]?.error;
    const figures = measured.map((metric) => writtenWithSpread(run, `${id} ${metric}`));
    return [label, GUARANTEES[guarantee], ...(error ? [`failed: ${error}`] : figures)];
  });
  return table(["", "survives", ...measured.map((metric) => METRICS[metric]?.[0] ?? "")], rows);
}

/** The ratios that the package sets itself: reached, missed, or not run. @param {Run} run */
export function targetsTable(run) {
  const rows = TARGETS.map(([ours, theirs, bound, limit]) => {
    const ratio = (medianOf(run, ours) ?? NaN) / (medianOf(run, theirs) ?? NaN);
    const reached = bound === "at most" ? ratio <= limit : ratio >= limit;
    const verdict = Number.isNaN(ratio) ? "not run" : reached ? "reached" : "missed";
    return [ours, theirs, written(ratio || undefined), `${bound} ${limit}`, verdict];
  });
  return table(["", "divided by", "ratio", "target", "verdict"], rows);
}

/** Where this store is behind the best other one of the same guarantee. @param {Run} run */
export function lostTable(run) {
  const rows = Object.entries(SITUATIONS).flatMap(([situation, [title]]) => {
    const rivals = contendersIn(run, situation).filter((it) => it.guarantee === "disk" && !it.ours);
    return Object.entries(METRICS).flatMap(([metric, [heading, better]]) => {
      const ours = medianOf(run, `${situation}/isolate ${metric}`);
      if (ours === undefined || !better) return [];
      const sign = better === "more" ? 1 : -1;
      const [best] = rivals
        .map(({ id, label }) => ({ label, figure: medianOf(run, `${id} ${metric}`) ?? NaN }))
        .filter(({ figure }) => sign * figure > sign * ours)
        .toSorted((a, b) => sign * (b.figure - a.figure));
      return best ? [[title, heading, written(ours), written(best.figure), best.label]] : [];
    });
  });
  return table(["", "figure", "this store", "better", "by"], rows);
}

/** Everything, as it is printed at the end of a run. @param {Run} run */
export function reportOf(run) {
  const measured = Object.keys(SITUATIONS).filter((name) => contendersIn(run, name).length > 0);
  return [
    ...measured.map((name) => `## ${SITUATIONS[name]?.[0]}\n\n${situationTable(run, name)}`),
    `## Where others of the same guarantee are better\n\n${lostTable(run)}`,
    `## The ratios that the package sets itself\n\n${targetsTable(run)}`,
    ...run.notes,
    captionOf(run),
  ].join("\n\n");
}
