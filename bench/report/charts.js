/** The pictures of the documents, as SVG, in the colors that the reader's system prefers. */
import { BUCKET_MS } from "../load/outage.js";
import { contenderOf, GUARANTEES } from "../stores/index.js";
import { medianOf, METRICS, numbersOf, written } from "./run.js";
import { contendersIn } from "./tables.js";
/** @import { Run } from "./run.js" */

const [WIDTH, MARGIN, HEAD, FOOT] = [840, 24, 96, 58];
const BAR = { from: 262, widest: 456, row: 34, thick: 22 };
const LINE = { from: 66, to: WIDTH - MARGIN, high: 220 };

const colors = (/** @type {string[]} */ [page, text, quiet, grid, other, ours]) =>
  `.page{fill:${page}}text{fill:${text}}.quiet{fill:${quiet}}.grid{stroke:${grid}}
  .other{fill:${other}}.ours{fill:${ours}}.line{stroke:${ours}}`;
const STYLE = `
  text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-size:15px}
  .title{font-size:19px;font-weight:600}.small{font-size:12px}.bold{font-weight:600}
  .line{fill:none;stroke-width:2.5;stroke-linejoin:round}
  ${colors(["#ffffff", "#1f2328", "#59636e", "#d1d9e0", "#a8b1bb", "#0969da"])}
  @media (prefers-color-scheme:dark){
  ${colors(["#0d1117", "#f0f6fc", "#9198a1", "#3d444d", "#656c76", "#4493f8"])}
  }`;

const escaped = (/** @type {string} */ text) =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
/** @param {number} x @param {number} y @param {string} words */
const text = (x, y, words, kind = "", anchor = "start") =>
  `<text x="${x}" y="${y}" class="${kind}" text-anchor="${anchor}">${escaped(words)}</text>`;
/** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
const rule = (x1, y1, x2, y2) => `<path class="grid" d="M${x1} ${y1}L${x2} ${y2}"/>`;

/** @typedef {[title: string, subtitle: string]} Words */
/** @param {Run} run @param {Words} words @param {number} height @param {string[]} parts */
function picture(run, [title, subtitle], height, parts) {
  const end = HEAD + height + FOOT;
  const from = `${run.date}, commit ${run.commit}, medians of ${run.rounds} rounds`;
  const size = `width="${WIDTH}" height="${end}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${WIDTH} ${end}"
  role="img" aria-label="${escaped(title)}">
<style>${STYLE}</style>
<rect class="page" ${size}/>
${text(MARGIN, 40, title, "title")}
${text(MARGIN, 66, subtitle, "quiet")}
${parts.join("\n")}
${text(MARGIN, end - 34, run.machine, "quiet small")}
${text(MARGIN, end - 16, from, "quiet small")}
</svg>
`;
}

/**
 * One metric of cells as bars, each with its figure. A row that is no cell is a heading.
 * @param {Run} run @param {string} metric @param {string[]} rows @param {Words} words
 */
function bars(run, metric, rows, words) {
  const figure = (/** @type {string} */ id) => medianOf(run, `${id} ${metric}`) ?? 0;
  const most = Math.max(...rows.map(figure));
  const unit = METRICS[metric]?.[0].endsWith(" ms") ? " ms" : "";
  const parts = rows.map((row, index) => {
    const [top, base] = [HEAD + index * BAR.row, HEAD + index * BAR.row + 22];
    if (!run.results[row]) return text(MARGIN, base, row, "quiet bold");
    const { label, ours } = contenderOf(row.split("/")[1] ?? "");
    const width = Math.max(2, Math.round((figure(row) / most) * BAR.widest));
    const at = `x="${BAR.from}" y="${top + 6}" width="${width}" height="${BAR.thick}"`;
    return `${text(BAR.from - 12, base, label, ours ? "ours bold" : "", "end")}
<rect ${at} class="${ours ? "ours" : "other"}"/>
${text(BAR.from + width + 8, base, written(figure(row)) + unit, ours ? "ours bold" : "bold")}`;
  });
  return picture(run, words, rows.length * BAR.row, parts);
}

/** Requests answered over time, of the round whose gap is the median one. @param {Run} run */
function outage(run, /** @type {string} */ id, /** @type {Words} */ words) {
  const gap = medianOf(run, `${id} silentMs`) ?? 0;
  const far = numbersOf(run, `${id} silentMs`).map((each) => Math.abs(each - gap));
  const answered = run.results[id]?.figures["answered"]?.[far.indexOf(Math.min(...far))];
  const perSecond = [answered ?? 0].flat().map((count) => (count * 1e3) / BUCKET_MS);
  const most = Math.ceil(Math.max(...perSecond) / 200) * 200;
  const x = (/** @type {number} */ s) =>
    LINE.from + Math.round(((s + 1) / 5) * (LINE.to - LINE.from));
  const y = (/** @type {number} */ n) => HEAD + 24 + Math.round(LINE.high * (1 - n / most));
  const steps = perSecond.map((n, index) => `V${y(n)}H${x(((index + 1) * BUCKET_MS) / 1e3 - 1)}`);
  return picture(run, words, LINE.high + 56, [
    ...[0, most / 2, most].map((n) => rule(LINE.from, y(n), LINE.to, y(n))),
    ...[0, most / 2, most].map((n) => text(LINE.from - 8, y(n) + 5, written(n), "quiet", "end")),
    ...[0, 1, 2, 3].map((s) => text(x(s), y(0) + 22, `${s} s`, "quiet", "middle")),
    rule(x(0), HEAD + 4, x(0), y(0)),
    text(x(0) + 8, HEAD + 14, `SIGKILL: no answer for ${written(gap)} ms`, "ours bold"),
    `<path class="line" d="M${LINE.from} ${y(perSecond[0] ?? 0)}${steps.join("")}"/>`,
  ]);
}

/** By the names of their files. What a title says is the run's. @param {Run} run */
export function picturesOf(run) {
  const of = (/** @type {string} */ name) => written(medianOf(run, name));
  const cells = (/** @type {string} */ situation, /** @type {string[]} */ names) =>
    names.map((name) => `${situation}/${name}`).filter((id) => run.results[id]);
  const few = ["sqlite-full", "redis-always", "memory", "isolate", "isolate-encrypted"];
  const guarantees = contendersIn(run, "write").flatMap(({ id, guarantee }, index, all) =>
    guarantee === all[index - 1]?.guarantee ? id : [`Survives ${GUARANTEES[guarantee]}`, id],
  );
  /** @type {Record<string, string>} */
  const pictures = {
    "delay-slow-disk.svg": bars(run, "delayP99", cells("write-slow", few), [
      `Slow disk delays the event loop: SQLite ${of("write-slow/sqlite-full delayP99")} ms, this store ${of("write-slow/isolate delayP99")} ms`,
      "Event-loop delay, p99, at 500 requests a second that each write, every fsync 5 ms slower",
    ]),
    "latency-logins.svg": bars(run, "p50", cells("login", ["file", "inline", ...few]), [
      `Beside logins: this store ${of("login/isolate p50")} ms, session-file-store ${of("login/file p50")} ms`,
      "Latency, p50, of 200 requests a second that each write, while passwords are hashed",
    ]),
    "throughput.svg": bars(run, "requestsPerSecond", guarantees, [
      `${of("write/isolate requestsPerSecond")} requests a second, each of which survives a power cut`,
      "Requests a second at full speed, each of which writes",
    ]),
    "owner-killed.svg": outage(run, "killed/isolate", [
      `Owner killed: no answer for ${of("killed/isolate silentMs")} ms, ${of("killed/isolate failed")} of ${of("killed/isolate sent")} requests fail`,
      "Requests answered a second by three processes over one directory, of which one is killed",
    ]),
  };
  return pictures;
}
