/** The pictures say what the run says. */
import { describe, expect, it } from "vitest";

import { picturesOf } from "../../bench/report/charts.js";
import type { Run } from "../../bench/report/run.js";

/** A silence of 300 ms from the kill on, and requests that were answered all at once after it. */
const KILLED = [...Array<number>(10).fill(20), 0, 0, 0, 80, ...Array<number>(36).fill(20)];
const STEADY = Array<number>(50).fill(20);

const RUN: Run = {
  date: "2026-01-31",
  commit: "0123456789ab",
  rounds: 3,
  machine: "CPU <R> & more",
  notes: [],
  results: {
    "write-slow/isolate": { figures: { delayP99: [5.54] } },
    "write-slow/sqlite-full": { figures: { delayP99: [493] } },
    "write/isolate": { figures: { requestsPerSecond: [1640] } },
    "write/memory": { figures: { requestsPerSecond: [1910] } },
    "login/isolate": { figures: { p50: [3.25] } },
    "login/file": { figures: { p50: [61] } },
    "killed/isolate": {
      figures: {
        sent: [1300, 1300, 1300],
        failed: [4, 4, 4],
        silentMs: [20, 310, 900],
        answered: [STEADY, KILLED, STEADY],
      },
    },
  },
};

const textsOf = (svg: string | undefined): string[] =>
  [...(svg ?? "").matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text ?? "");
const widthsOf = (svg: string | undefined): number[] =>
  [...(svg ?? "").matchAll(/width="(\d+)" height="22"/g)].map(([, width]) => Number(width));

const pictures = picturesOf(RUN);

describe("a picture", () => {
  it.each(Object.entries(pictures))("%s says which run it is of, in both colors", (_, svg) => {
    expect(textsOf(svg)).toContain("2026-01-31, commit 0123456789ab, medians of 3 rounds");
    expect(textsOf(svg)).toContain("CPU &#60;R&#62; &#38; more");
    expect(svg).toContain("prefers-color-scheme:dark");
  });

  it("has the figures in its title and at its bars, which are as long as they are great", () => {
    const svg = pictures["delay-slow-disk.svg"];
    const texts = textsOf(svg);
    expect(texts[0]).toContain("SQLite 493 ms, this store 5.54 ms");
    expect(texts.slice(2, 6)).toEqual(["SQLite FULL", "493 ms", "this store", "5.54 ms"]);
    const [sqlite = 0, ours = 0] = widthsOf(svg);
    expect(sqlite / ours).toBeCloseTo(493 / 5.54, -1);
  });

  it("has equal guarantees beside each other", () => {
    expect(textsOf(pictures["throughput.svg"]).slice(2, 8)).toEqual([
      ...["Survives a power cut", "this store", "1,640"],
      ...["Survives nothing", "MemoryStore", "1,910"],
    ]);
  });

  it("shows the round whose silence is the median one", () => {
    const svg = pictures["owner-killed.svg"];
    expect(textsOf(svg)[0]).toContain("no answer for 310 ms, 4 of 1,300 requests fail");
    expect(textsOf(svg)).toContain("800");
    // The kill is at 216, and a tenth of a second is 15 wide.
    expect(svg).toContain("H216V340H231V340H246V340H261V120H276V285H");
  });
});
