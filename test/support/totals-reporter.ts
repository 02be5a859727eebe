/** Owns the last line of a run: what was done thousands of times, and how often it went wrong; and what was left out. */
import type { Reporter, TestModule } from "vitest/node";

import { HAS_SERVER, PROGRAM } from "./redis/program.js";
import type { Totals } from "./totals.js";

export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const sums = new Map<string, Totals>();
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { totals } = test.meta();
        if (totals === undefined) continue;
        const { what, count, violations } = totals;
        const before = sums.get(what) ?? { count: 0, violations: 0 };
        sums.set(what, {
          what,
          count: before.count + count,
          violations: before.violations + violations,
        });
      }
    }
    const parts = [...sums.values()].map(
      ({ what, count, violations }) => `${count} ${what}: ${violations} violations`,
    );
    if (!HAS_SERVER) console.log(`no ${PROGRAM}: the tests over Redis were left out`);
    if (parts.length > 0) console.log(parts.join("; "));
  }
}
