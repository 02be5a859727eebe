/** Where and with what the figures were taken. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { fileURLToPath } from "node:url";
import { fromCaller } from "./paths.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const PACKAGES = [
  "express",
  "express-session",
  "memorystore",
  "session-file-store",
  "@sailscastshq/connect-sqlite",
  "better-sqlite3",
  "connect-redis",
  "redis",
  "undici",
];

function version(directory) {
  try {
    return JSON.parse(readFileSync(join(directory, "package.json"), "utf8")).version;
  } catch (error) {
    if (error.code === "ENOENT") return "not installed";
    throw error;
  }
}

/** What a program prints; undefined where there is none or it fails. */
function output(program, args) {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return undefined;
  }
}

/** This package: its version, and of a checkout the commit, with a + where files have changed. */
function ownVersion() {
  const commit = output("git", ["-C", ROOT, "rev-parse", "--short", "HEAD"])?.trim();
  const changed = output("git", ["-C", ROOT, "status", "--porcelain"])?.trim();
  return version(ROOT) + (commit ? ` (${commit}${changed ? "+" : ""})` : "");
}

function versions() {
  const installed = PACKAGES.map((name) => [
    name,
    version(fileURLToPath(new URL(`./node_modules/${name}`, import.meta.url))),
  ]);
  const redis = /v=(\S+)/.exec(output("redis-server", ["--version"]) ?? "")?.[1];
  const lite = process.env.LITE_NOSQL;
  return {
    "express-session-isolate": ownVersion(),
    ...Object.fromEntries(installed),
    ...(redis ? { "redis-server": redis } : {}),
    ...(lite ? { "lite-nosql": version(fromCaller(lite)) } : {}),
  };
}

export function describeMachine() {
  return {
    date: new Date().toISOString(),
    node: process.version,
    system: `${type()} ${release()} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    versions: versions(),
  };
}

/** The machine, the versions and the command, to stand under a figure. */
export function captionLines({ machine, command }) {
  const { cpu, cores, memoryGiB, system, node, fsyncMs, date } = machine;
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, fsync ${fsyncMs.toFixed(2)} ms; ${system}; ` +
      `Node ${node}; ${date.slice(0, 10)}`,
    versions.join(", "),
    command,
  ];
}
