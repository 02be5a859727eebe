/** All cells one after the other, then all again: a machine that drifts does so for everyone. */
import { performance } from "node:perf_hooks";

/**
 * Each metric has a figure for each round, or what it was over time; a cell that failed once has none.
 * @typedef {number | number[] | null} Figure
 * @typedef {{ figures: Record<string, Figure[]>, error?: string }} Result
 */

/** @param {number} start */
const secondsSince = (start) => `${((performance.now() - start) / 1e3).toFixed(1)} s`;

/**
 * @template {{ id: string }} T
 * @param {T[]} cells @param {number} rounds
 * @param {(cell: T) => Promise<Record<string, Figure>>} measure
 * @param {(progress: string) => void} say
 */
export async function runRounds(cells, rounds, measure, say) {
  const results = /** @type {Record<string, Result>} */ ({});
  const start = performance.now();
  const turns = Array.from({ length: rounds }, () => cells).flat();
  for (const [turn, cell] of turns.entries()) {
    const result = (results[cell.id] ??= { figures: {} });
    const before = performance.now();
    try {
      for (const [metric, figure] of Object.entries(await measure(cell))) {
        (result.figures[metric] ??= []).push(figure);
      }
    } catch (error) {
      result.error ??= /** @type {Error} */ (error).message;
    }
    const outcome = result.error ? `failed: ${result.error}` : secondsSince(before);
    say(`[${turn + 1}/${turns.length}, ${secondsSince(start)}] ${cell.id}: ${outcome}`);
  }
  for (const result of Object.values(results)) if (result.error) result.figures = {};
  return results;
}
