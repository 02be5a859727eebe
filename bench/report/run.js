/** A run, its figures, and how they are written. */
import { extent, median } from "d3-array";

/**
 * The results by the id of the cell.
 * @typedef {{ date: string, commit: string, rounds: number, machine: string, notes: string[],
 *   results: Record<string, import("../rounds.js").Result> }} Run
 */

/**
 * What a metric is called, and which of two figures is the better one.
 * @type {Record<string, [heading: string, better?: "more" | "less"]>}
 */
export const METRICS = {
  callsPerSecond: ["calls/s", "more"],
  mainUs: ["event loop µs/call", "less"],
  mainCpuUs: ["main thread CPU µs/call", "less"],
  cpuUs: ["CPU µs/call"],
  getP50: ["get p50 ms", "less"],
  setP50: ["set p50 ms", "less"],
  requestsPerSecond: ["requests/s at full speed", "more"],
  p50: ["p50 ms", "less"],
  p99: ["p99 ms", "less"],
  delayP99: ["event-loop delay p99 ms", "less"],
  loginP50: ["4 logins p50 ms", "less"],
  failed: ["requests that failed", "less"],
  silentMs: ["longest without an answer ms", "less"],
  openS: ["opening s"],
  bytesPerSession: ["memory for each, bytes"],
  writtenPerByte: ["written per byte"],
  quietP99: ["p99 ms, quiet"],
  gcP99: ["collecting"],
  gcS: ["collecting s"],
  compactionP99: ["compacting"],
  compactionS: ["compacting s"],
};

/** The figures of all rounds. @param {Run} run @param {string} of as in "idle/isolate getP50" */
export function numbersOf({ results }, of) {
  const [id = "", metric = ""] = of.split(" ");
  return (results[id]?.figures[metric] ?? []).filter((figure) => typeof figure === "number");
}

/** Undefined where it was not measured. @param {Run} run @param {string} of */
export const medianOf = (run, of) => median(numbersOf(run, of));

/** @param {number | undefined} number */
export const written = (number) =>
  number?.toLocaleString("en-US", { maximumSignificantDigits: 3 }) ?? "";

/** The median, and how far from it the farthest round lies. @param {Run} run @param {string} of */
export function writtenWithSpread(run, of) {
  const middle = medianOf(run, of);
  const [least, greatest] = extent(numbersOf(run, of));
  if (!middle || least === undefined) return written(middle);
  const percent = Math.round((100 * Math.max(greatest - middle, middle - least)) / middle);
  return written(middle) + (percent > 0 ? ` ±${percent}%` : "");
}

/** Where a figure comes from. @param {Run} run */
export const captionOf = ({ machine, date, commit, rounds }) =>
  `${machine}; ${date}, commit ${commit}, medians of ${rounds} rounds`;

/**
 * The ratios that the package sets itself, within one run.
 * @type {[ours: string, theirs: string, bound: "at most" | "at least", limit: number][]}
 */
export const TARGETS = [
  ["calls/isolate-encrypted mainUs", "calls/floor mainUs", "at most", 1.3],
  ["calls/isolate-encrypted mainUs", "calls/floor-fsync mainUs", "at most", 1.3],
  ["sets/isolate callsPerSecond", "sets/sqlite-full callsPerSecond", "at least", 6],
  ["sets/isolate-encrypted callsPerSecond", "sets/sqlite-full callsPerSecond", "at least", 6],
  ["sets/isolate callsPerSecond", "sets/lite-nosql callsPerSecond", "at least", 10],
  ["sets-slow/isolate callsPerSecond", "sets-slow/sqlite-full callsPerSecond", "at least", 30],
  ["sets-slow/isolate callsPerSecond", "sets-slow/lite-nosql callsPerSecond", "at least", 30],
  ["write-slow/isolate-encrypted delayP99", "write-slow/memory delayP99", "at most", 1.25],
  ["read/isolate requestsPerSecond", "read/memory requestsPerSecond", "at least", 0.9],
  ["write/isolate requestsPerSecond", "write/memory requestsPerSecond", "at least", 0.8],
  ["1m/isolate gcP99", "1m/isolate quietP99", "at most", 3],
  ["1m/isolate compactionP99", "1m/isolate quietP99", "at most", 3],
  ["idle/isolate getP50", "idle/floor getP50", "at most", 1.5],
  ["idle/isolate-guest getP50", "idle/isolate getP50", "at most", 2.5],
  ["sets/isolate-guest callsPerSecond", "sets/isolate callsPerSecond", "at least", 0.75],
  ["sets/isolate-guest mainUs", "sets/isolate mainUs", "at most", 1.1],
  [
    "cluster-2/isolate requestsPerSecond",
    "cluster-2/redis-always requestsPerSecond",
    "at least",
    1,
  ],
  ["idle/isolate-redis getP50", "idle/redis-always getP50", "at most", 1.6],
  ["gets/isolate-redis callsPerSecond", "gets/redis-always callsPerSecond", "at least", 1.7],
  ["sets/isolate-redis callsPerSecond", "sets/redis-always callsPerSecond", "at least", 1],
  ["sets/isolate-redis mainUs", "sets/redis-always mainUs", "at most", 0.4],
  ["write/isolate-redis delayP99", "write/redis-always delayP99", "at most", 1],
];
