/** Rounds in turn: what drifts meets every contender, and a failure leaves no figure. */
import { describe, expect, it } from "vitest";

import { runRounds } from "../../bench/rounds.js";

const CELLS = [{ id: "write/isolate" }, { id: "write/memory" }, { id: "read/isolate" }];
const silent = (): void => undefined;

describe("runRounds", () => {
  it("measures every cell once before it measures one again", async () => {
    const order: string[] = [];
    const measure = ({ id }: { id: string }): Promise<{ p50: number }> => {
      order.push(id);
      return Promise.resolve({ p50: order.length });
    };
    const results = await runRounds(CELLS, 3, measure, silent);
    const round = CELLS.map(({ id }) => id);
    expect(order).toEqual([...round, ...round, ...round]);
    expect(results["write/memory"]).toEqual({ figures: { p50: [2, 5, 8] } });
  });

  it("has no figure of a cell that failed once, and goes on with the others", async () => {
    let turn = 0;
    const measure = ({ id }: { id: string }): Promise<{ p50: number }> => {
      turn++;
      const failed = id === "write/memory" && turn > CELLS.length;
      return failed ? Promise.reject(new Error("a wrong answer")) : Promise.resolve({ p50: 1 });
    };
    const results = await runRounds(CELLS, 2, measure, silent);
    expect(results["write/memory"]).toEqual({ figures: {}, error: "a wrong answer" });
    expect(results["read/isolate"]).toEqual({ figures: { p50: [1, 1] } });
  });

  it("says how far it is after each cell", async () => {
    const said: string[] = [];
    await runRounds(
      CELLS,
      2,
      () => Promise.resolve({}),
      (line) => said.push(line),
    );
    expect(said).toHaveLength(6);
    expect(said[3]).toContain("[4/6");
    expect(said[3]).toContain("write/isolate");
  });
});
