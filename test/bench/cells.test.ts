/** What is measured, by what was asked for. */
import { describe, expect, it } from "vitest";

import { cells } from "../../bench/cells.js";

const ids = (...args: Parameters<typeof cells>): string[] => cells(...args).map(({ id }) => id);

describe("cells", () => {
  it("are those that are named, or belong to a situation that is", () => {
    const chosen = ids(["killed", "write/memory"]);
    expect(chosen.toSorted()).toEqual(["killed/isolate", "killed/sqlite-full", "write/memory"]);
    expect(ids(["nothing"])).toEqual([]);
  });

  it("are of the contenders that are named", () => {
    expect(ids([], ["floor-fsync"])).toEqual(["calls/floor-fsync"]);
    expect(ids(["killed"], ["isolate"])).toEqual(["killed/isolate"]);
    expect(ids(["killed"], ["memory"])).toEqual([]);
  });

  it("are long only where that is asked for, or the cell is named", () => {
    expect(ids([])).toContain("write/memory");
    expect(ids([])).not.toContain("1m/isolate");
    expect(ids([], ["isolate"])).not.toContain("1m/isolate");
    expect(ids([], [], true)).toContain("1m/isolate");
    expect(ids(["1m"])).toEqual(["1m/isolate"]);
  });
});
