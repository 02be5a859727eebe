/** The ratios that the package sets itself, from the figures of one run. */
import { median } from "./results.js";

const SCALE = 1_000_000;
const JSON_BYTES = 780;
const BOOKKEEPING_BYTES = 150;

/**
 * Each: what, the limit, whether the ratio must be at most or at least that, and the two figures
 * `[cell, mode, metric]` (or a number) whose ratio it is. `rate` is the lowest fixed rate.
 */
function targets(rate) {
  const atRate = `${rate}/s`;
  const steady = `steady/${SCALE}/isolate`;
  const scale = `scale/${SCALE}/isolate`;
  const sets = (disk, name) => [`${disk}/64/${name}`, "calls", "callsPerSecond"];
  const http = (section, scenario, name, mode, metric) => [
    `${section}/${scenario}/${name}`,
    mode,
    metric,
  ];
  return [
    [
      "event-loop time per call, 64 in flight, encrypted : floor",
      ["most", 1.3],
      ["alone/64/isolate-encrypted", "calls", "mainUs"],
      ["alone/64/floor", "calls", "mainUs"],
    ],
    [
      "the same, processor time of the main thread : floor",
      ["most", 1.3],
      ["alone/64/isolate-encrypted", "calls", "mainCpuUs"],
      ["alone/64/floor", "calls", "mainCpuUs"],
    ],
    [
      "the same, event-loop time : floor whose sets wait for an fsync, as ours do",
      ["most", 1.3],
      ["alone/64/isolate-encrypted", "calls", "mainUs"],
      ["alone/64/floor-fsync", "calls", "mainUs"],
    ],
    [
      "durable sets/s, 64 in flight : sqlite-full",
      ["least", 6],
      sets("sets", "isolate"),
      sets("sets", "sqlite-full"),
    ],
    [
      "durable sets/s, 64 in flight, encrypted : sqlite-full",
      ["least", 6],
      sets("sets", "isolate-encrypted"),
      sets("sets", "sqlite-full"),
    ],
    [
      "durable sets/s, 64 in flight : lite-nosql",
      ["least", 10],
      sets("sets", "isolate"),
      sets("sets", "lite-nosql"),
    ],
    [
      "the same on the slow disk : sqlite-full",
      ["least", 30],
      sets("sets-slow", "isolate"),
      sets("sets-slow", "sqlite-full"),
    ],
    [
      "the same on the slow disk : lite-nosql",
      ["least", 30],
      sets("sets-slow", "isolate"),
      sets("sets-slow", "lite-nosql"),
    ],
    [
      `event-loop delay p99, HTTP write ${atRate}, slow disk, encrypted : memory`,
      ["most", 1.25],
      http("http-slow", "write", "isolate-encrypted", atRate, "lagP99"),
      http("http-slow", "write", "memory", atRate, "lagP99"),
    ],
    [
      "requests/s, HTTP read-mostly at full speed : memory",
      ["least", 0.9],
      http("http", "read", "isolate", "full speed", "requestsPerSecond"),
      http("http", "read", "memory", "full speed", "requestsPerSecond"),
    ],
    [
      "requests/s, HTTP write at full speed : memory",
      ["least", 0.8],
      http("http", "write", "isolate", "full speed", "requestsPerSecond"),
      http("http", "write", "memory", "full speed", "requestsPerSecond"),
    ],
    [
      "get p99 while 100,000 of a million are collected : quiet",
      ["most", 3],
      [steady, "gc", "p99"],
      [steady, "quiet", "p99"],
    ],
    [
      "get p99 while a million are compacted : quiet",
      ["most", 3],
      [steady, "compaction", "p99"],
      [steady, "quiet", "p99"],
    ],
    [
      "memory per session of a million : its JSON bytes + 150",
      ["most", 1.25],
      [scale, "open", "bytesPerSession"],
      JSON_BYTES + BOOKKEEPING_BYTES,
    ],
    [
      "opening a million : JSON.parse of the same lines",
      ["most", 1.5],
      [scale, "open", "openMs"],
      [scale, "parse", "parseMs"],
    ],
    [
      "idle get p50 : floor",
      ["most", 1.5],
      ["idle/1/isolate", "calls", "getP50"],
      ["idle/1/floor", "calls", "getP50"],
    ],
  ];
}

/** Each ratio with `reached` true or false, or undefined where a part was not measured. */
export function judge(results, rate) {
  const figure = (of) => (Array.isArray(of) ? median(results, ...of) : of);
  return targets(rate).map(([what, [bound, limit], ours, theirs]) => {
    const ratio = figure(ours) / figure(theirs);
    if (Number.isNaN(ratio)) return { what, bound, limit };
    const reached = bound === "most" ? ratio <= limit : ratio >= limit;
    return { what, bound, limit, ours: figure(ours), theirs: figure(theirs), ratio, reached };
  });
}
