/**
 * Owns waiting in tests: for a condition, never for a length of time. Each round lets the event
 * loop turn once.
 */
import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";

/**
 * So many rounds follow each other at once. What takes longer is waited for in another process or
 * thread, for which looking all the time would leave no processor.
 */
const EAGER_ROUNDS = 200;
const PAUSE_MS = 1;

/** Resolves to the first answer that is not false; fails when there is none within the deadline. */
export async function until<T>(
  answer: () => T | false | Promise<T | false>,
  deadlineMs = 30_000,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (let round = 0; ; round++) {
    const value = await answer();
    if (value !== false) return value;
    if (performance.now() > end) throw new Error(`nothing of the kind within ${deadlineMs} ms`);
    await (round < EAGER_ROUNDS ? turn() : pause(PAUSE_MS));
  }
}

/** Resolves once the millisecond of `time` (epoch milliseconds) is over. */
export async function untilPast(time: number): Promise<void> {
  await until(() => Date.now() > time);
}
