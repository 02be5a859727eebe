/**
 * Owns the directories that tests write to: a fresh one for each call, removed when the test that
 * asked for it has finished.
 */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/**
 * An empty directory of the running test's own. What is registered with `onTestFinished` after
 * this call runs before the directory goes, so a store that lives in it can be closed first.
 */
export function tempDirectory(): string {
  const path = mkdtempSync(join(realpathSync(tmpdir()), "express-session-isolate-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
