/** Owns which flags of the process reach the worker: those that decide how modules are loaded. */
import { describe, expect, it } from "vitest";
import { loadingFlags } from "../../src/main/hosts/loading-flags.js";

describe("reaches the worker", () => {
  it.each([
    [["-r", "./hook.cjs"]],
    [["--require", "./hook.cjs"]],
    [["--require=./hook=1.cjs"]],
    [["--import", "tsx"]],
    [["--import=data:text/javascript,1"]],
    [["--loader", "./hook.mjs"]],
    [["--loader=./hook.mjs"]],
    [["--experimental-loader", "./hook.mjs"]],
    [["--experimental-loader=./hook.mjs"]],
    [["--experimental_loader=./hook.mjs"]],
    [["-C", "development"]],
    [["--conditions", "development"]],
    [["--conditions=development"]],
    [["--preserve-symlinks", "--preserve-symlinks-main"]],
    [["--preserve_symlinks"]],
    [["--no-preserve-symlinks"]],
    [["--experimental-strip-types"]],
    [["--no-strip-types"]],
    [["--experimental-transform-types"]],
    [["--no-experimental-require-module"]],
    [["--experimental-default-type=module"]],
    [["--experimental-specifier-resolution", "node"]],
  ])("%j", (flags) => {
    expect(loadingFlags(flags)).toEqual(flags);
    const among = ["--title", "x", ...flags, "--inspect=0", ...flags];
    expect(loadingFlags(among)).toEqual([...flags, ...flags]);
  });
});

describe("does not reach the worker", () => {
  it.each([
    [["--input-type=module", "--eval", "1"]],
    [["-e", "1"]],
    [["-p", "1"]],
    [["--title=x", "--max-old-space-size=200"]],
    [["--inspect", "--inspect-port=0", "--enable-source-maps"]],
    [["--env-file=.env", "--watch", "--test"]],
    [["--requires=x", "--imports", "x", "-R", "x"]],
    [[]],
  ])("%j", (flags) => {
    expect(loadingFlags(flags)).toEqual([]);
  });
});
