/**
 * Owns that what a callback throws is uncaught, as it is without a store, and that no callback is
 * called again for it. MemoryStore shows that this holds for any store.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { tempDirectory } from "../support/temp-dir.js";

it.each(["MemoryStore", "isolate: true", "isolate: false"])(
  "what a callback throws is the caller's own: %s",
  async (kind) => {
    const methods = ["get", "set", "touch", "destroy", "all", "length", "clear"];
    if (kind !== "MemoryStore") methods.push("ids", "compact", "stats", "expired", "close");
    const script = fileURLToPath(new URL("./callbacks-throw.js", import.meta.url));
    const env = { ...process.env, DIRECTORY: tempDirectory() };
    const { stdout } = await promisify(execFile)(process.execPath, [script, kind, ...methods], {
      env,
    });
    expect(JSON.parse(stdout)).toEqual({
      calls: methods,
      uncaughtException: methods,
      unhandledRejection: [],
    });
  },
);
