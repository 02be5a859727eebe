/**
 * The flags of the process that decide how modules are found and loaded. A worker needs them: under
 * Yarn Plug'n'Play, for example, its file exists only for the hook that `--require` has installed.
 */

/** Flags that are followed by a value, unless it is joined to them by `=`. */
const WITH_VALUE = new Set([
  "-r",
  "--require",
  "--import",
  "--loader",
  "-C",
  "--conditions",
  "--default-type",
  "--specifier-resolution",
]);

const SWITCHES = new Set([
  "--preserve-symlinks",
  "--preserve-symlinks-main",
  "--strip-types",
  "--transform-types",
  "--require-module",
  "--detect-module",
  "--import-meta-resolve",
  "--wasm-modules",
  "--addon-modules",
  "--network-imports",
]);

/** Those of `execArgv`, as they were given. */
export function loadingFlags(execArgv: readonly string[]): string[] {
  return execArgv.flatMap((flag, index) => {
    const [spelling = "", value] = flag.split("=", 2);
    // Node takes an underscore for a hyphen, and has the same flag with and without these words.
    const name = spelling.replaceAll("_", "-").replace(/^--(no-)?(experimental-)?/, "--");
    if (SWITCHES.has(name)) return [flag];
    if (!WITH_VALUE.has(name)) return [];
    return value === undefined ? execArgv.slice(index, index + 2) : [flag];
  });
}
