/** Results as tables: columns for each kind of cell, rows grouped by what was guaranteed. */
import { CONTENDERS, GUARANTEES } from "./contenders.js";
import { SECTIONS } from "./matrix.js";
import { modesOf } from "./results.js";
import { SCENARIOS } from "./scenarios.js";

const us = (n) => n.toFixed(n < 10 ? 1 : 0);
const ms = (n) => n.toFixed(n < 1 ? 3 : n < 10 ? 2 : n < 100 ? 1 : 0);
const whole = (n) => Math.round(n).toLocaleString("en-US");
const mib = (n) => (n / 2 ** 20).toFixed(0);
const seconds = (n) => (n / 1e3).toFixed(2);

const LATENCY = [
  ["p50", "p50 ms", ms],
  ["p99", "p99 ms", ms],
  ["p999", "p99.9 ms", ms],
  ["max", "max ms", ms],
];
const LAG = [
  ["lagP99", "delay p99 ms", ms],
  ["lagMax", "delay max ms", ms],
];
const ALONE = [
  ["callsPerSecond", "calls/s", whole],
  ["mainUs", "main µs/call", us],
  ["mainCpuUs", "main CPU µs", us],
  ["processCpuUs", "all CPU µs", us],
  ["getP50", "get p50 ms", ms],
  ["getP99", "get p99 ms", ms],
  ["setP50", "set p50 ms", ms],
  ["setP99", "set p99 ms", ms],
  ["getMax", "get max ms", ms],
  ["setMax", "set max ms", ms],
  ["rssBytes", "RSS MiB", mib],
];
const HTTP = [
  ["requestsPerSecond", "requests/s", whole],
  ...LATENCY,
  ...LAG,
  ["mainBusyPercent", "main busy %", whole],
  ["mainCpuPercent", "main CPU %", whole],
  ["processCpuPercent", "all CPU %", whole],
  ["rssBytes", "RSS MiB", mib],
  ["loadBusyPercent", "load busy %", whole],
  ["sentLateMs", "sent late ms", ms],
  ["removed", "collected", whole],
  ["failed", "failed", whole],
  ["unanswered", "unanswered", whole],
];
const STEADY = [
  ["count", "gets", whole],
  ...LATENCY,
  ...LAG,
  ["stretchMs", "took ms", whole],
  ["removed", "collected", whole],
  ["rssBytes", "RSS MiB", mib],
];
const SCALE = {
  fill: [
    ["fillMs", "filling s", seconds],
    ["writtenBytes", "written MiB", mib],
    ["filesBytes", "files MiB", mib],
  ],
  open: [
    ["openMs", "opening s", seconds],
    ["bytesPerSession", "bytes/session", whole],
    ["heldBytes", "held MiB", mib],
    ["peakBytes", "peak RSS MiB", mib],
  ],
  parse: [["parseMs", "JSON.parse s", seconds]],
};

/** What a mode is called in a heading, where its own name does not do. */
const MODES = {
  calls: "",
  "full speed": "full speed: each of 64 connections waits for its answer (closed loop)",
};

function columnsOf(section, mode) {
  if (section === "scale") return SCALE[mode];
  if (section === "steady") return STEADY;
  return section.startsWith("http") ? HTTP : ALONE;
}

/** Median, and how far from it the farthest window lies. */
function figure(format, value) {
  if (!value) return "";
  const away = Math.max(value.max - value.median, value.median - value.min);
  const perCent = Math.round((100 * away) / Math.abs(value.median));
  return format(value.median) + (perCent > 0 && value.median !== 0 ? ` ±${perCent}%` : "");
}

const range = (format, value) =>
  value ? `${format(value.min)} to ${format(value.max)}, ${value.n} windows` : "";

function headingOf(section, scenario, mode) {
  const where = {
    alone: `${scenario} in flight`,
    steady: `${whole(Number(scenario))} sessions`,
    scale: `${whole(Number(scenario))} sessions`,
  };
  const parts = [
    SECTIONS[section],
    where[section] ?? SCENARIOS[scenario]?.title,
    MODES[mode] ?? mode,
  ];
  return parts.filter(Boolean).join(" · ");
}

/**
 * Tables as `{ title, columns, groups: [{ guarantee, rows: [{ name, error?, cells, ranges? }] }]
 * }`: one for each situation, in it one group for each guarantee, so that only equals stand together.
 */
export function tablesOf(results) {
  const situations = new Map();
  for (const result of results) {
    const key = `${result.section}/${result.scenario}`;
    situations.set(key, [...(situations.get(key) ?? []), result]);
  }
  const tables = [];
  for (const rows of situations.values()) {
    const { section, scenario } = rows[0];
    const modes = modesOf(rows);
    for (const mode of modes.length > 0 ? modes : [undefined]) {
      const known = columnsOf(section, mode) ?? [];
      const columns = known.filter(([metric]) => rows.some((row) => row.summary[mode]?.[metric]));
      const groups = Object.keys(GUARANTEES).map((guarantee) => ({
        guarantee: GUARANTEES[guarantee],
        rows: rows
          .filter((row) => CONTENDERS[row.contender].guarantee === guarantee)
          .filter((row) => row.error || row.summary[mode])
          .map((row) => ({
            name: row.contender,
            error: row.error,
            cells: columns.map(([id, , format]) => figure(format, row.summary[mode]?.[id])),
            ranges: columns.map(([id, , format]) => range(format, row.summary[mode]?.[id])),
          })),
      }));
      tables.push({
        title: headingOf(section, scenario, mode),
        columns: columns.map(([, title]) => title),
        groups: groups.filter((group) => group.rows.length > 0),
      });
    }
  }
  return tables;
}

/** A table as lines of text. */
export function textTable({ title, columns, groups }) {
  const rows = groups.flatMap((group) => group.rows);
  const widths = ["", ...columns].map((head, i) =>
    Math.max(head.length, ...rows.map((row) => (i === 0 ? row.name : row.cells[i - 1]).length)),
  );
  const line = (cells) =>
    cells
      .map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i])))
      .join("  ");
  return [
    title,
    line(["", ...columns]),
    ...groups.flatMap((group) => [
      `  ${group.guarantee}`,
      ...group.rows.map((row) =>
        row.error ? `${row.name}  failed: ${row.error}` : line([row.name, ...row.cells]),
      ),
    ]),
  ].join("\n");
}

/** The targets as a table of the same shape. */
export function targetTable(judged) {
  const plain = (n) => (n === undefined ? "" : n < 10 ? n.toFixed(2) : whole(n));
  const rows = judged.map(({ what, bound, limit, ours, theirs, ratio, reached }) => ({
    name: what,
    cells: [
      plain(ours),
      plain(theirs),
      ratio === undefined ? "" : ratio.toFixed(2),
      `at ${bound} ${limit}`,
      reached === undefined ? "not run" : reached ? "reached" : "missed",
    ],
  }));
  return {
    title: "The ratios that the package sets itself, within this run",
    columns: ["ours", "to", "ratio", "target", ""],
    groups: [{ guarantee: "medians", rows }],
  };
}
