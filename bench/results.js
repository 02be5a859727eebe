/** What the windows of all cells say together, and where to find a figure in it. */
import { spreads } from "./samples.js";

/** Adds the windows of one run of a cell to those of the runs before it. */
export function addWindows(result, measured) {
  for (const [mode, windows] of Object.entries(measured)) {
    (result.windows[mode] ??= []).push(...windows);
  }
}

/** `{ [mode]: { [metric]: { median, min, max, n } } }`, without modes that have no window. */
export function summarize({ windows }) {
  const measured = Object.entries(windows).filter(([, list]) => list.length > 0);
  return Object.fromEntries(measured.map(([mode, list]) => [mode, spreads(list)]));
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
