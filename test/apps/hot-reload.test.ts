/** Owns that a hot reload, which leaves stores behind, leaves nothing else behind with them. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { tempDirectory } from "../support/temp-dir.js";

const RELOAD = fileURLToPath(new URL("../fixtures/hot/reload.js", import.meta.url));
const TIMES = 20;

interface Seen {
  readonly count: number;
  readonly threads: number;
  readonly handles: number;
}

it.skipIf(process.platform !== "linux").each(["esm", "cjs"])(
  "an application that is loaded anew, in %s, goes on with one thread",
  async (format) => {
    const directory = tempDirectory();
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[RELOAD, directory, format, String(TIMES)],
    ]);
    const seen = JSON.parse(stdout) as Seen[];
    expect(seen.map(({ count }) => count)).toEqual(seen.map((_, index) => index + 1));
    expect(seen).toHaveLength(TIMES);
    const [first, last] = [seen[0], seen.at(-1)];
    expect(last?.handles).toBe(first?.handles);
    // Node may have ended one of its own meanwhile.
    expect(last?.threads).toBeLessThanOrEqual(first?.threads ?? 0);
    expect(readdirSync(directory).filter((name) => /lock|sock/.test(name))).toEqual([]);
  },
);
