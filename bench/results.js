/** What the windows of all cells say together, and where to find a figure in it. */
import { spreads } from "./samples.js";

/** Adds what one run of a cell measured, a window for each mode, to the runs before it. */
export function addWindows(result, measured) {
  for (const [mode, window] of Object.entries(measured)) {
    if (window) (result.windows[mode] ??= []).push(window);
  }
  const summaries = Object.entries(result.windows).map(([mode, list]) => [mode, spreads(list)]);
  result.summary = Object.fromEntries(summaries);
}

/** The median of a metric; undefined where it was not measured. */
export function median(results, id, mode, metric) {
  const found = results.find((result) => result.id === id && !result.error);
  return found?.summary[mode]?.[metric]?.median;
}

/** The modes of some results, in the order in which they first occur. */
export function modesOf(results) {
  return [...new Set(results.flatMap((result) => Object.keys(result.summary)))];
}
