/** The pictures of the documents, as SVG. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { captionOf, medianOf, numbersOf, written } from "./run.js";
import { contendersIn } from "./tables.js";
/** @import { Run } from "./run.js" */

const BLUE = "#1d4ed8";
const COLORS = { disk: "#0891b2", process: "#d97706", memory: "#6b7280", none: "" };
const READING =
  "Medians, and a line from the least to the greatest of the rounds. An acknowledged write survives:\n" +
  "a power cut (blue: this store; cyan: others), the end of the process (orange), nothing (grey).";
const TEXT = /** @type {const} */ ({ frameAnchor: "top-left", lineAnchor: "top", dx: -186 });
const MARGINS = { marginTop: 92, marginBottom: 70, marginLeft: 200 };

const { document } = parseHTML("<!doctype html><body></body>");

/**
 * One metric of one situation as bars, which stand on their own on any page.
 * @param {Run} run @param {string} title @param {string} situation @param {string} metric
 */
function barChart(run, title, situation, metric, /** @type {string} */ unit) {
  const rows = contendersIn(run, situation).map(({ id, label, ours, guarantee }) => {
    const numbers = numbersOf(run, `${id} ${metric}`);
    const median = medianOf(run, `${id} ${metric}`);
    const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
    const color = ours ? BLUE : COLORS[guarantee];
    return { label, median, least, most, color, text: written(median) };
  });
  const svg = Plot.plot({
    document: /** @type {any} */ (document),
    width: 860,
    ariaLabel: title,
    height: MARGINS.marginTop + rows.length * 30 + MARGINS.marginBottom,
    ...MARGINS,
    style: { fontFamily: "system-ui, sans-serif", fontSize: "14px", background: "white" },
    color: { type: "identity" },
    x: { label: `${unit} →`, labelOffset: 38, grid: true, insetRight: 60 },
    y: { domain: rows.map(({ label }) => label), label: null, tickSize: 0 },
    marks: [
      Plot.barX(rows, { x: "median", y: "label", fill: "color", insetTop: 3, insetBottom: 3 }),
      Plot.ruleY(rows, { x1: "least", x2: "most", y: "label" }),
      Plot.text(rows, { x: "most", y: "label", text: "text", dx: 6, textAnchor: "start" }),
      Plot.text([title], { ...TEXT, dy: -84, fontSize: 18, fontWeight: 600 }),
      Plot.text([READING], { ...TEXT, dy: -54, fontSize: 13, lineHeight: 1.4 }),
      Plot.text([captionOf(run)], { ...TEXT, frameAnchor: "bottom-left", dy: 50, fontSize: 11 }),
    ],
  });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return svg.outerHTML;
}

const SLOW = "every fsync 5 ms slower";

/** By the names of their files. @param {Run} run @returns {Record<string, string>} */
export function picturesOf(run) {
  const delay = `Event-loop delay, p99, at 500 writing requests a second, ${SLOW}`;
  const latency = delay.replace("Event-loop delay", "Latency");
  const throughput = "Requests a second at full speed, each of which writes";
  const sets = `Sets a second, 64 in flight, ${SLOW}`;
  return {
    "delay-slow-disk": barChart(run, delay, "write-slow", "delayP99", "ms"),
    "latency-slow-disk": barChart(run, latency, "write-slow", "p99", "ms"),
    throughput: barChart(run, throughput, "write", "requestsPerSecond", "requests/s"),
    "sets-slow-disk": barChart(run, sets, "sets-slow", "callsPerSecond", "sets/s"),
  };
}
