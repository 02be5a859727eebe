import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Where to write the results as JSON, for a script that counts them. */
const resultsFile = process.env["TEST_RESULTS"];

const TOTALS = "./test/support/totals-reporter.ts";

/** The test of the store suite itself runs before the other tests. */
const FIRST = "/memory-store.test.ts";

/**
 * Small files whose tests take long, of which none should be left to one worker alone at the end:
 * where it is not known how long a file took the last time, the larger ones come first.
 */
const SUITES = /\/test\/conformance\/|\/redis\/(?:cluster|sentinel)|\/sharing-trouble|\/small-heap/;

class SuiteFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number =>
      moduleId.endsWith(FIRST) ? 0 : SUITES.test(moduleId) ? 1 : 2;
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // All cores: most tests wait for a disk or for another process.
    maxWorkers: "100%",
    sequence: { sequencer: SuiteFirst },
    // Only to end a test that hangs: how long one takes says nothing on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is imported by the package's name is the build, and node loads it, as a user's would.
    server: { deps: { external: [/\/dist\//] } },
    // The totals last, so that what was done thousands of times is the last line.
    reporters: resultsFile
      ? ["default", ["json", { outputFile: resultsFile }], TOTALS]
      : ["default", TOTALS],
  },
});
