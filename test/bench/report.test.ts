/** The report: equal guarantees side by side, and what this store loses is printed. */
import { describe, expect, it } from "vitest";

import { SITUATIONS } from "../../bench/cells.js";
import { type Run, TARGETS } from "../../bench/report/run.js";
import { lostTable, reportOf, situationTable, targetsTable } from "../../bench/report/tables.js";
import { contenderOf, CONTENDERS, GUARANTEES } from "../../bench/stores/index.js";

const STRENGTH = Object.keys(GUARANTEES);

/** A run of these cells, with one figure for each round. */
function runOf(figures: Record<string, Record<string, number[]>>): Run {
  const results = Object.entries(figures).map(([id, each]) => [id, { figures: each }] as const);
  return {
    date: "2026-01-31",
    commit: "0123456789ab",
    rounds: 3,
    machine: "a machine",
    notes: ["Left out: Redis."],
    results: Object.fromEntries(results),
  };
}

const rowsOf = (table: string): string[][] =>
  table
    .split("\n")
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

const guaranteeOf = (figure: string): number =>
  STRENGTH.indexOf(contenderOf(/\/(.*) /.exec(figure)?.[1] ?? "").guarantee);

describe("a table", () => {
  it("says what a write survives, and has equals next to each other", () => {
    const all = Object.keys(CONTENDERS).map(
      (name) => [`write/${name}`, { p50: [1] }] satisfies [string, object],
    );
    const guarantees = rowsOf(situationTable(runOf(Object.fromEntries(all)), "write")).map(
      ([, survives]) => Object.values(GUARANTEES).indexOf(survives ?? ""),
    );
    expect(guarantees).toHaveLength(all.length);
    expect(guarantees).toEqual(guarantees.toSorted((a, b) => a - b));
    expect(guarantees).not.toContain(-1);
  });

  it("has the median and the farthest round, and the error of a cell that failed", () => {
    const run = runOf({ "write/isolate": { p50: [2, 1, 2.5] } });
    run.results["write/memory"] = { figures: {}, error: "a wrong answer" };
    const [ours, memory] = rowsOf(situationTable(run, "write"));
    expect(ours).toEqual(["this store", "a power cut", "2 ±50%"]);
    expect(memory?.[2]).toBe("failed: a wrong answer");
  });
});

describe("what this store loses", () => {
  const run = runOf({
    "write/isolate": { p50: [3], requestsPerSecond: [1000] },
    "write/sqlite-full": { p50: [2], requestsPerSecond: [500] },
    "write/redis-always": { p50: [1], requestsPerSecond: [400] },
    "write/memory": { p50: [0.1], requestsPerSecond: [9000] },
    "idle/isolate": { getP50: [2] },
    "idle/floor": { getP50: [1] },
  });

  it("is printed, with the best of the same guarantee", () => {
    expect(rowsOf(lostTable(run))).toEqual([
      [SITUATIONS["write"]?.[0], "p50 ms", "3", "1", "connect-redis, always"],
    ]);
    expect(reportOf(run)).toContain(lostTable(run));
  });

  it("includes targets that were missed, and tells them from those that were not run", () => {
    const verdicts = rowsOf(targetsTable(run)).filter(([, , , , verdict]) => verdict !== "not run");
    expect(verdicts).toEqual([
      [
        "write/isolate requestsPerSecond",
        "write/memory requestsPerSecond",
        "0.111",
        "at least 0.8",
        "missed",
      ],
      ["idle/isolate getP50", "idle/floor getP50", "2", "at most 1.5", "missed"],
    ]);
    expect(rowsOf(targetsTable(run))).toHaveLength(TARGETS.length);
    expect(reportOf(run)).toContain(targetsTable(run));
  });

  it("comes with what was left out, and with the commit", () => {
    expect(reportOf(run)).toContain("Left out: Redis.");
    expect(reportOf(run)).toContain("commit 0123456789ab");
  });
});

describe("a target", () => {
  it.each(TARGETS)("compares with an equal or weaker guarantee: %s : %s", (ours, theirs) => {
    expect(guaranteeOf(ours)).toBeLessThanOrEqual(guaranteeOf(theirs));
  });

  it.each(TARGETS)("is of cells that are measured: %s : %s", (...target) => {
    for (const figure of target.slice(0, 2)) {
      const [, situation = "", contender = ""] = /^(.*)\/(.*) /.exec(String(figure)) ?? [];
      expect(SITUATIONS[situation]?.[2]).toContain(contender);
    }
  });
});
