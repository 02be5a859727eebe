/** A report as one HTML page that needs nothing else. */
import { CONTENDERS } from "./contenders.js";
import { captionLines } from "./machine.js";
import { chartsOf } from "./report-charts.js";
import { tablesOf, targetTable } from "./tables.js";

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 2rem auto; padding: 0 1rem;
    color: #18181b; background: white; }
  svg { max-width: 100%; height: auto; display: block; margin: 1.5rem 0; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
  th, td { padding: 2px 10px; text-align: right; white-space: nowrap; }
  th:first-child, td:first-child { text-align: left; }
  tbody th { text-align: left; font-weight: 400; color: #71717a; padding-top: 6px; }
  tr.row { border-top: 1px solid #e4e4e7; }
  .note { color: #71717a; }
`;

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

const escape = (text) => String(text).replace(/[&<>"]/g, (character) => ENTITIES[character]);

function rowHtml(row, width) {
  const cells = row.error
    ? `<td colspan="${width}">failed: ${escape(row.error)}</td>`
    : row.cells
        .map((text, i) => `<td title="${escape(row.ranges?.[i] ?? "")}">${escape(text)}</td>`)
        .join("");
  return `<tr class="row"><td>${escape(row.name)}</td>${cells}</tr>`;
}

function tableHtml({ title, columns, groups }) {
  const head = columns.map((column) => `<th>${escape(column)}</th>`).join("");
  const body = groups
    .map(
      ({ guarantee, rows }) =>
        `<tr><th colspan="${columns.length + 1}">${escape(guarantee)}</th></tr>` +
        rows.map((row) => rowHtml(row, columns.length)).join("\n"),
    )
    .join("\n");
  return `<h3>${escape(title)}</h3>
<div class="wide"><table><thead><tr><th></th>${head}</tr></thead><tbody>
${body}
</tbody></table></div>`;
}

export function htmlPage(report) {
  const { notes, targets, results } = report;
  const measured = new Set(results.map((result) => result.contender));
  const contenders = Object.entries(CONTENDERS).filter(([name]) => measured.has(name));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>express-session-isolate: benchmark</title>
<style>${STYLE}</style>
<h1>express-session-isolate: benchmark</h1>
${captionLines(report)
  .map((line) => `<p>${escape(line)}</p>`)
  .join("\n")}
${notes.map((line) => `<p class="note">${escape(line)}</p>`).join("\n")}
<p>A figure is the median of the timed windows; ± is how far the farthest window lies from it, and
the pointer over a figure shows the least and the greatest. bench/README.md says what each means.</p>
<ul>${contenders.map(([name, { what }]) => `<li><b>${name}</b>: ${escape(what)}</li>`).join("")}</ul>
${tableHtml(targetTable(targets))}
<h2>Plots</h2>
${Object.values(chartsOf(report))
  .map(({ svg }) => svg)
  .join("\n")}
<h2>Tables</h2>
${tablesOf(results).map(tableHtml).join("\n")}
</html>
`;
}
