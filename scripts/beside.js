/**
 * Measures how long a store that is in use stands still while the command line reads all of its
 * sessions beside it: the longest wait for a get, and the longest delay of the event loop.
 *
 *     npm run build && node scripts/beside.js --sessions 1000000 --rounds 3
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import IsolatedStore from "express-session-isolate";
import { fill, sessionId } from "../bench/load/sessions.js";

const CLI = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
/** Nothing, for comparison, and what reads all. */
const COMMANDS = ["", "list", "list --json", "export", "stats", "verify", "backup"];
const QUIET_MS = 5000;

const text = /** @type {const} */ ({ type: "string" });
const { values } = parseArgs({ options: { sessions: text, rounds: text } });
const sessions = Number(values.sessions ?? 100_000);
const directory = mkdtempSync(join(tmpdir(), "express-session-isolate-beside-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

/** Runs a command to its end. */
async function run(/** @type {string} */ command, /** @type {number} */ round) {
  const [name = "", ...rest] = command.split(" ");
  const target = name === "backup" ? [join(directory, `backup ${round}`)] : [];
  const args = [CLI, name, ...target, "--directory", join(directory, "data"), ...rest];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${command} has ended with ${code}`);
}

/** Gets sessions, one after the other, until something is done. @param {Promise<void>} doing */
async function longestGet(doing) {
  let isDone = false;
  const done = () => void (isDone = true);
  doing.then(done, done);
  let longest = 0;
  for (let number = 0; !isDone; number = (number + 7919) % sessions) {
    const asked = performance.now();
    if (!(await store.get(sessionId(number)))) throw new Error("a session is missing");
    longest = Math.max(longest, performance.now() - asked);
    await delay(1);
  }
  await doing;
  return longest;
}

const store = new IsolatedStore({
  directory: join(directory, "data"),
  resourceLimits: { maxOldGenerationSizeMb: 8192 },
});
await fill(store, 0, sessions);
for (let round = 1; round <= Number(values.rounds ?? 3); round++) {
  for (const command of COMMANDS) {
    const began = performance.now();
    const loop = monitorEventLoopDelay({ resolution: 1 });
    loop.enable();
    const longest = await longestGet(command === "" ? delay(QUIET_MS) : run(command, round));
    loop.disable();
    console.log(
      `${command || "nothing"}: ${((performance.now() - began) / 1000).toFixed(1)} s, longest get ` +
        `${longest.toFixed(1)} ms, longest delay ${(loop.max / 1e6).toFixed(1)} ms`,
    );
  }
}
await store.close();
