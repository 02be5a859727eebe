/** The documents' figures are those of a run, or it is noticed. */
import { describe, expect, it } from "vitest";

import { withFiguresOf } from "../../bench/report/documents.js";
import type { Run } from "../../bench/report/run.js";

const RUN: Run = {
  date: "2026-01-31",
  commit: "0123456789ab",
  rounds: 3,
  machine: "a machine",
  notes: [],
  results: {
    "write/isolate": { figures: { p99: [1234, 1230, 1250] } },
    "write-slow/sqlite-full": { figures: { delayP99: [142.4] } },
  },
};

describe("withFiguresOf", () => {
  it("replaces the number that stands before its name", () => {
    const text =
      "p99 1,000<!-- write/isolate p99 --> and 7.5<!-- write-slow/sqlite-full delayP99 -->.";
    expect(withFiguresOf(text, RUN)).toBe(
      "p99 1,230<!-- write/isolate p99 --> and 142<!-- write-slow/sqlite-full delayP99 -->.",
    );
  });

  it.each([
    ["full", "old\n\n"],
    ["empty", ""],
  ])("replaces a section that is %s, and no more than that", (_, old) => {
    const open = "A 1\n\n<!-- bench: machine -->\n\n";
    const close = "<!-- /bench -->\n\nB 17\n";
    const caption = "a machine; 2026-01-31, commit 0123456789ab, medians of 3 rounds\n\n";
    const twice = open + old + close + open + old + close;
    const right = open + caption + close + open + caption + close;
    expect(withFiguresOf(twice, RUN)).toBe(right);
  });

  it("leaves a text as it is that says what the run says", () => {
    const right = withFiguresOf("1<!-- write/isolate p99 -->", RUN);
    expect(withFiguresOf(right, RUN)).toBe(right);
  });

  it("throws for a figure that the run does not have", () => {
    expect(() => withFiguresOf("1<!-- write/memory p99 -->", RUN)).toThrow("write/memory p99");
  });
});
