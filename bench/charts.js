/** Results as plots: each an SVG text that stands on its own, in a page or in a readme. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { CONTENDERS } from "./contenders.js";
import { caption } from "./machine.js";
import { modesOf } from "./results.js";

const WIDTH = 860;
const HEADER = 64;
const FOOTER = 64;
const COLORS = {
  ours: "#1d4ed8",
  disk: "#0891b2",
  process: "#d97706",
  memory: "#6b7280",
  none: "#a1a1aa",
};
const OURS = /^(isolate|inline)/;
const NAMES = Object.keys(CONTENDERS);

const colorOf = (name) => COLORS[OURS.test(name) ? "ours" : CONTENDERS[name].guarantee];

/** What the colors say, in the line under a title. */
const KEY =
  "blue: this store (on disk when acknowledged); cyan: others on disk; orange: with the operating " +
  "system; grey: in memory";

/** Milliseconds at the ticks of an axis. */
const MS = (ms) => `${ms} ms`;

const { document } = parseHTML("<!doctype html><body></body>");

function addText(svg, text, x, y, size, weight) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", "text");
  for (const [name, value] of Object.entries({ x, y, "font-size": size, "font-weight": weight })) {
    element.setAttribute(name, value);
  }
  element.setAttribute("fill", "#18181b");
  element.setAttribute("text-anchor", "start");
  element.textContent = text;
  svg.append(element);
}

/** A plot with its title above and the machine below, on white. */
function figure(report, title, subtitle, options) {
  const height = HEADER + FOOTER + options.contentHeight;
  const svg = Plot.plot({
    document,
    width: WIDTH,
    marginLeft: 130,
    marginRight: 60,
    marginTop: HEADER,
    marginBottom: FOOTER,
    insetTop: 4,
    style: { fontFamily: "system-ui, sans-serif", fontSize: "12px", background: "white" },
    ...options,
    height,
  });
  const background = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  background.setAttribute("width", "100%");
  background.setAttribute("height", "100%");
  background.setAttribute("fill", "white");
  svg.prepend(background);
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", title);
  addText(svg, title, 12, 22, 16, 600);
  addText(svg, subtitle, 12, 40, 11, 400);
  const [machine, command] = splitCaption(caption(report));
  addText(svg, machine, 12, height - 22, 10, 400);
  addText(svg, command, 12, height - 8, 10, 400);
  return svg.outerHTML;
}

/** Two lines of at most the width of a figure. */
function splitCaption(text) {
  const half = text.lastIndexOf(" ", 150);
  return text.length <= 150 ? [text, ""] : [text.slice(0, half), text.slice(half + 1, half + 151)];
}

const measured = (results, section, mode) =>
  results.filter((result) => result.section === section && result.summary[mode]);

const storesOf = (results) => NAMES.filter((name) => results.some((r) => r.contender === name));

/** A horizontal band for each store, one panel for each scenario. */
function bands(results) {
  const scenarios = new Set(results.map((result) => result.scenario));
  const stores = storesOf(results);
  return {
    contentHeight: scenarios.size * (stores.length * 18 + 24),
    y: { domain: stores, label: null },
    ...(scenarios.size > 1 ? { fy: { domain: [...scenarios], label: null } } : {}),
    panel: scenarios.size > 1 ? { fy: "scenario" } : {},
  };
}

/** p50, p99 and max of each store on one line. */
export function latencyChart(report, section, mode, title) {
  const results = measured(report.results, section, mode);
  const rows = results.flatMap(({ contender, scenario, summary }) =>
    ["p50", "p99", "max"].map((quantile) => ({
      contender,
      scenario,
      quantile,
      ms: summary[mode][quantile]?.median,
    })),
  );
  const known = rows.filter(({ ms }) => ms > 0);
  if (known.length === 0) return undefined;
  const { panel, ...layout } = bands(results);
  const dot = (quantile, options) =>
    Plot.dot(known, {
      ...panel,
      filter: (row) => row.quantile === quantile,
      x: "ms",
      y: "contender",
      stroke: (row) => colorOf(row.contender),
      r: 4,
      title: (row) => `${row.contender} ${row.quantile} ${row.ms.toFixed(3)} ms`,
      ...options,
    });
  return figure(report, title, `ring p50, disc p99, cross max, medians of the windows; ${KEY}`, {
    ...layout,
    x: {
      type: "log",
      label: "ms from the moment the request was due →",
      labelOffset: 34,
      grid: true,
    },
    marks: [
      Plot.ruleY(
        known,
        Plot.groupY(
          { x1: "min", x2: "max" },
          {
            ...panel,
            x1: "ms",
            x2: "ms",
            y: "contender",
            stroke: "#d4d4d8",
          },
        ),
      ),
      dot("p50", { fill: "white" }),
      dot("p99", { fill: (row) => colorOf(row.contender) }),
      dot("max", { symbol: "times" }),
    ],
  });
}

/** One bar for each store, with the least and greatest window as a line across its end. */
export function barChart(report, section, mode, metric, title, label) {
  const results = measured(report.results, section, mode).filter((r) => r.summary[mode][metric]);
  if (results.length === 0) return undefined;
  const { panel, ...layout } = bands(results);
  const rows = results.map(({ contender, scenario, summary }) => ({
    contender,
    scenario,
    ...summary[mode][metric],
  }));
  const text = (row) => row.median.toLocaleString("en-US", { maximumSignificantDigits: 3 });
  return figure(report, title, `medians, and the least and greatest window; ${KEY}`, {
    ...layout,
    x: { label: `${label} →`, labelOffset: 34, grid: true },
    marks: [
      Plot.barX(rows, {
        ...panel,
        x: "median",
        y: "contender",
        fill: (row) => colorOf(row.contender),
        inset: 1,
      }),
      Plot.ruleY(rows, { ...panel, x1: "min", x2: "max", y: "contender", stroke: "#18181b" }),
      Plot.text(rows, { ...panel, x: "max", y: "contender", text, dx: 6, textAnchor: "start" }),
    ],
  });
}

/** How long an event waited for the main thread, in each 50 ms of the windows. */
export function delayChart(report, section, scenario, mode, title) {
  const windowMs = report.options.seconds * 1e3;
  const results = measured(report.results, section, mode).filter((r) => r.scenario === scenario);
  const rows = results.flatMap(({ contender, windows }) => {
    let offset = 0;
    return windows[mode].flatMap(({ lagSeries = [] }) => {
      const points = lagSeries.filter(([at, ms]) => at < windowMs && ms !== null);
      const from = offset;
      offset += windowMs;
      return points.map(([at, ms]) => ({ contender, at: (from + at) / 1e3, ms }));
    });
  });
  if (rows.length === 0) return undefined;
  const stores = storesOf(results);
  return figure(report, title, "ms, the greatest in each 50 ms, the windows one after the other", {
    contentHeight: stores.length * 66,
    fy: { domain: stores, label: null, padding: 0.15 },
    x: { label: "seconds →", labelOffset: 34 },
    y: { type: "log", label: null, grid: true, ticks: [0.1, 1, 10, 100, 1000], tickFormat: MS },
    marginRight: 130,
    marginLeft: 50,
    marks: [
      Plot.frame({ stroke: "#e4e4e7" }),
      Plot.lineY(rows, {
        fy: "contender",
        x: "at",
        y: (row) => Math.max(row.ms, 0.01),
        stroke: (row) => colorOf(row.contender),
      }),
    ],
  });
}

/** Main-thread time of one call, by how many are in flight. */
export function mainTimeChart(report, title) {
  const results = measured(report.results, "alone", "calls");
  const rows = results.map(({ contender, inFlight, summary }) => ({
    contender,
    inFlight,
    us: summary.calls.mainUs.median,
  }));
  const lines = rows.filter((row) => rows.some((r) => r.contender === row.contender && r !== row));
  if (lines.length === 0) return undefined;
  const last = lines.filter(
    (row) => !lines.some((r) => r.contender === row.contender && r.inFlight > row.inFlight),
  );
  const height = 340;
  const all = lines.map((row) => row.us);
  return figure(report, title, `80 % get, 20 % set, 781-byte sessions; JSON included; ${KEY}`, {
    contentHeight: height,
    marginLeft: 50,
    marginRight: 130,
    x: {
      type: "log",
      base: 2,
      label: "calls in flight →",
      labelOffset: 34,
      ticks: [...new Set(lines.map((row) => row.inFlight))],
      tickFormat: String,
    },
    y: { type: "log", label: null, grid: true, tickFormat: (us) => `${us} µs` },
    marks: [
      Plot.lineY(lines, {
        x: "inFlight",
        y: "us",
        z: "contender",
        stroke: (row) => colorOf(row.contender),
        marker: true,
      }),
      Plot.text(spaced(last, (Math.max(...all) / Math.min(...all)) ** (14 / height)), {
        x: "inFlight",
        y: "us",
        text: "contender",
        dx: 8,
        textAnchor: "start",
      }),
    ],
  });
}

/** The rows, each at least `factor` times as high as the one below, so that labels stay apart. */
function spaced(rows, factor) {
  let below = 0;
  return rows
    .toSorted((a, b) => a.us - b.us)
    .map((row) => {
      below = Math.max(row.us, below * factor);
      return { ...row, us: below };
    });
}

/** All plots that the results of a run give, by the name of a file. */
export function chartsOf(report) {
  const { results } = report;
  const rateOf = (section) => {
    const modes = modesOf(results.filter((result) => result.section === section));
    return modes.find((mode) => mode.endsWith("/s"));
  };
  const rate = rateOf("http");
  const slowRate = rateOf("http-slow");
  const gcRate = rateOf("http-gc");
  const compactionRate = rateOf("http-compaction");
  const charts = {
    latency: latencyChart(report, "http", rate, `Latency over HTTP at ${rate}`),
    "latency-slow-disk": latencyChart(
      report,
      "http-slow",
      slowRate,
      `Latency over HTTP at ${slowRate}, every fsync 5 ms slower`,
    ),
    "latency-gc": latencyChart(
      report,
      "http-gc",
      gcRate,
      `Latency over HTTP at ${gcRate} while expired sessions are collected`,
    ),
    "latency-compaction": latencyChart(
      report,
      "http-compaction",
      compactionRate,
      `Latency over HTTP at ${compactionRate} while the files are compacted`,
    ),
    "delay-slow-disk": delayChart(
      report,
      "http-slow",
      "write",
      slowRate,
      `Event-loop delay at ${slowRate}, each request writes, every fsync 5 ms slower`,
    ),
    delay: delayChart(
      report,
      "http",
      "write",
      rate,
      `Event-loop delay at ${rate}, each request writes`,
    ),
    throughput: barChart(
      report,
      "http",
      "full speed",
      "requestsPerSecond",
      "Throughput over HTTP",
      "requests/s",
    ),
    "main-time": mainTimeChart(report, "What a call costs the main thread"),
    sets: barChart(report, "sets", "calls", "callsPerSecond", "Sets, 64 in flight", "sets/s"),
    "sets-slow-disk": barChart(
      report,
      "sets-slow",
      "calls",
      "callsPerSecond",
      "Sets, 64 in flight, every fsync 5 ms slower",
      "sets/s",
    ),
  };
  return Object.fromEntries(Object.entries(charts).filter(([, svg]) => svg !== undefined));
}
