/** Where and with what the figures were taken. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";

const PACKAGES = [
  "express",
  "express-session",
  "memorystore",
  "session-file-store",
  "@sailscastshq/connect-sqlite",
  "better-sqlite3",
  "connect-redis",
  "redis",
];

function version(name) {
  const file = new URL(`./node_modules/${name}/package.json`, import.meta.url);
  try {
    return JSON.parse(readFileSync(file, "utf8")).version;
  } catch (error) {
    if (error.code === "ENOENT") return "not installed";
    throw error;
  }
}

export function describeMachine() {
  const own = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return {
    date: new Date().toISOString(),
    node: process.version,
    system: `${type()} ${release()} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    versions: {
      [own.name]: own.version,
      ...Object.fromEntries(PACKAGES.map((name) => [name, version(name)])),
    },
  };
}

/** One line of it, to stand under a figure. */
export function caption({ machine, command }) {
  const { cpu, cores, memoryGiB, system, node, fsyncMs, date } = machine;
  return (
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, fsync ${fsyncMs.toFixed(2)} ms; ${system}; ` +
    `Node ${node}; ${date.slice(0, 10)}; ${command}`
  );
}
