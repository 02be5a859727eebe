/** The kinds of plots; each is undefined where there is nothing to plot. */
import * as Plot from "@observablehq/plot";
import { CONTENDERS } from "./contenders.js";
import { colorOf, figure, KEY } from "./figure.js";

const NAMES = Object.keys(CONTENDERS);

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
    x: { label: `${label} →`, labelOffset: 34, grid: true, insetRight: 40 },
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
  const windowMs = report.settings.seconds * 1e3;
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
    y: {
      type: "log",
      domain: [0.03, Math.max(1000, ...rows.map(({ ms }) => ms))],
      label: null,
      grid: true,
      ticks: [0.1, 1, 10, 100],
      tickFormat: String,
    },
    marginRight: 130,
    marginLeft: 50,
    marks: [
      Plot.frame({ stroke: "#e4e4e7" }),
      Plot.lineY(rows, {
        fy: "contender",
        x: "at",
        y: (row) => Math.max(row.ms, 0.03),
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
  return figure(report, title, `80 % get, 20 % set, 780-byte sessions; JSON included; ${KEY}`, {
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
