/** All cells one after the other, then all again: what drifts meanwhile meets every contender. */
import { performance } from "node:perf_hooks";
import { addWindows } from "./results.js";

const MINUTE_MS = 60_000;

/**
 * Runs every cell `repeat` times, if the time allows. A cell that fails has its `error` and does
 * not stop the others.
 *
 * @param run gives what one run of a cell measured
 * @param say takes a line for whoever waits
 * @yields after each round the results, a record for each cell, and how many rounds they are of
 */
export async function* runRounds(cells, { repeat, minutes }, run, say) {
  const results = cells.map((cell) => ({ ...cell, windows: {}, summary: {} }));
  const startedAt = performance.now();
  const elapsedMs = () => performance.now() - startedAt;
  let rounds = 0;
  let roundMs = 0;
  while (rounds < repeat && elapsedMs() + roundMs < minutes * MINUTE_MS) {
    const before = elapsedMs();
    for (const [index, result] of results.entries()) {
      const cellBefore = elapsedMs();
      try {
        addWindows(result, await run(result));
      } catch (error) {
        result.error = error.message.split("\n", 1)[0];
      }
      const done = `${rounds * results.length + index + 1}/${results.length * repeat}`;
      const took = `${((elapsedMs() - cellBefore) / 1e3).toFixed(1)} s`;
      const outcome = result.error ? `failed: ${result.error}` : took;
      say(`[${done}, ${(elapsedMs() / 1e3).toFixed(0)} s] ${result.id}: ${outcome}`);
    }
    rounds++;
    roundMs = elapsedMs() - before;
    yield { results, rounds };
  }
}
