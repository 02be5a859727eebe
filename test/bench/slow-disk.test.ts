/** The slow disk: every fsync of a process takes as much longer as it was told, at any time. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { slowDisk } from "../../bench/slow-disk/index.js";

const directory = mkdtempSync(join(tmpdir(), "bench-slow-disk-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const canCompile = process.platform === "linux" && spawnSync("cc", ["--version"]).status === 0;

/** What a script prints that is told of the module and of a directory, under the slow disk. */
function printedBy(script: string, env: Record<string, string>): string {
  const module = new URL("../../bench/slow-disk/index.js", import.meta.url).href;
  const source = `import { fsyncMs, setFsyncDelay } from ${JSON.stringify(module)};
    const directory = ${JSON.stringify(directory)};
    ${script}`;
  const args = ["--input-type=module", "-e", source];
  return execFileSync(process.execPath, args, { env: { ...process.env, ...env } }).toString();
}

describe.skipIf(!canCompile)("the slow disk (needs Linux and a C compiler)", () => {
  it("delays each fsync by what a process asks for, and not before", () => {
    const { env, missing } = slowDisk(directory);
    expect(missing).toBeUndefined();
    const script = `setFsyncDelay(200);
      const slow = fsyncMs(directory, 3);
      setFsyncDelay(0);
      const quick = fsyncMs(directory, 3);
      console.log(JSON.stringify({ slow, quick }));`;
    const { slow, quick } = JSON.parse(printedBy(script, env)) as { slow: number; quick: number };
    expect(slow).toBeGreaterThanOrEqual(200);
    expect(quick).toBeLessThan(slow);
  });
});
