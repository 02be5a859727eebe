/**
 * Owns what a test that does something thousands of times says about it: how often, and how often
 * the outcome was wrong. `totals-reporter.ts` adds it up.
 */
import { expect, type TestContext } from "vitest";

import { SEED } from "./random.js";

declare module "vitest" {
  interface TaskMeta {
    totals?: Totals;
  }
}

export interface Totals {
  /** What was done, in the plural. */
  readonly what: string;
  readonly count: number;
  readonly violations: number;
}

/** Enough of them to see what they have in common. */
const SHOWN = 10;

/** Notes how often it was done, and fails the test if anything was wrong. */
export function expectNoViolations(
  { task }: TestContext,
  what: string,
  count: number,
  violations: readonly string[],
): void {
  task.meta.totals = { what, count, violations: violations.length };
  const summary = `${violations.length} violations in ${count} ${what}, TEST_SEED=${SEED}`;
  expect(violations.slice(0, SHOWN), summary).toEqual([]);
}
