/** Stretches of time, `[from, to]` on the shared clock, to which a measurement is narrowed. */

/** Whether what lasted from `from` to `to` met one of them; null stands for all time. */
export function meets(stretches, from, to) {
  return stretches === null || stretches.some(([start, end]) => from <= end && to >= start);
}

/** How many milliseconds they come to. */
export function lengthOf(stretches) {
  return stretches.reduce((sum, [start, end]) => sum + end - start, 0);
}
