/** Which plots the results of a run give. */
import { barChart, delayChart, latencyChart, mainTimeChart } from "./charts.js";
import { modesOf } from "./results.js";

const SLOW = "every fsync 5 ms slower";

/** As `{ title, svg }`, by the name of a file; without those that have nothing to show. */
export function chartsOf(report) {
  /** The first fixed rate at which a section was measured. */
  const rateOf = (section) =>
    modesOf(report.results.filter((result) => result.section === section)).find((mode) =>
      mode.endsWith("/s"),
    );
  const latency = (section, ...when) => {
    const rate = rateOf(section);
    return latencyChart(
      report,
      section,
      rate,
      [`Latency over HTTP at ${rate}`, ...when].join(", "),
    );
  };
  const delay = (section, ...when) => {
    const rate = rateOf(section);
    const title = [`Event-loop delay at ${rate}, each request writes`, ...when].join(", ");
    return delayChart(report, section, "write", rate, title);
  };
  const sets = (section, ...when) => {
    const title = ["Sets, 64 in flight", ...when].join(", ");
    return barChart(report, section, "calls", "callsPerSecond", title, "sets/s");
  };
  const throughput = (section, ...when) => {
    const title = ["Throughput over HTTP", ...when].join(", ");
    return barChart(report, section, "full speed", "requestsPerSecond", title, "requests/s");
  };
  const charts = {
    latency: latency("http"),
    "latency-slow-disk": latency("http-slow", SLOW),
    "latency-gc": latency("http-gc", "while expired sessions are collected"),
    "latency-compaction": latency("http-compaction", "while the files are compacted"),
    delay: delay("http"),
    "delay-slow-disk": delay("http-slow", SLOW),
    throughput: throughput("http"),
    "throughput-slow-disk": throughput("http-slow", SLOW),
    "main-time": mainTimeChart(report, "What a call costs the main thread"),
    sets: sets("sets"),
    "sets-slow-disk": sets("sets-slow", SLOW),
  };
  return Object.fromEntries(Object.entries(charts).filter(([, chart]) => chart !== undefined));
}
