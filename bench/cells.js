/** How a cell of each kind is run: its processes, in which order they do what. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { gcIntervalMs } from "./conditions.js";
import { CONTENDERS } from "./contenders.js";
import { SLOW_FSYNC_US } from "./disk.js";
import { FilledDirectories } from "./filled.js";
import { Child } from "./message.js";
import { startRedis } from "./redis-server.js";
import { SCENARIOS } from "./scenarios.js";
import { SESSION_BYTES } from "./sessions.js";

const CONNECTIONS = 64;
const WARM_SECONDS = 0.5;

/** What opening a million sessions has left behind must not count as quiet. */
const SETTLE_SECONDS = 3;
const LONG_MS = 600_000;

/** Runs cells below one directory, on one disk or its slow form. */
export class Cells {
  #root;
  #options;
  #slow;
  #filled;

  constructor(root, options, slow) {
    this.#root = root;
    this.#options = options;
    this.#slow = slow;
    this.#filled = new FilledDirectories(root);
  }

  /** Answers `{ [mode]: window }`: for each way in which it was measured a record of figures. */
  async run(cell) {
    const directory = await mkdtemp(join(this.#root, "cell-"));
    const env = cell.slow ? this.#slow.env : {};
    const { redis } = CONTENDERS[cell.contender];
    const children = [];
    const child = (script, childEnv = env) => {
      children.push(new Child(script, childEnv));
      return children.at(-1);
    };
    let server;
    try {
      if (redis) server = await startRedis(directory, redis, env);
      const at = { directory, socket: server?.socket };
      if (cell.section === "scale") return await this.#scale(cell, at, child);
      if (cell.section === "steady") return await this.#steady(cell, at, child);
      if (cell.section.startsWith("http")) return await this.#http(cell, at, child);
      return await this.#alone(cell, at, child);
    } finally {
      this.#slow.set?.(0);
      await Promise.all(children.map((each) => each.stop()));
      await server?.stop();
      await rm(directory, { recursive: true, force: true });
    }
  }

  #slowDown(cell) {
    if (cell.slow) this.#slow.set(SLOW_FSYNC_US);
  }

  async #alone(cell, at, child) {
    const { contender, sessions, inFlight, setShare } = cell;
    const store = child("./cell-alone.js");
    const load = { sessions, bytes: SESSION_BYTES, inFlight, setShare };
    await store.ask("prepare", { contender, at, ...load }, LONG_MS);
    this.#slowDown(cell);
    await store.ask("warm", { seconds: WARM_SECONDS });
    const calls = await store.ask("measure", { seconds: this.#options.seconds / 2 }, LONG_MS);
    this.#slow.set?.(0);
    await store.ask("finish");
    return { calls };
  }

  async #http(cell, at, child) {
    const { contender, scenario, sessions, condition, expiring } = cell;
    const { rates, seconds } = this.#options;
    const filled = Boolean(condition && CONTENDERS[contender].files);
    const { bytes } = SCENARIOS[scenario];
    if (filled) await this.#filled.copy(contender, sessions, bytes, at.directory);
    if (condition === "gc") at.gcIntervalMs = gcIntervalMs(expiring);

    const server = child("./cell-server.js");
    const load = child("./cell-load.js", {});
    const what = { contender, at, scenario, sessions, filled };
    const port = await server.ask("prepare", what, LONG_MS);
    await load.ask("prepare", { port, scenario, sessions });
    this.#slowDown(cell);
    await load.ask("run", { connections: CONNECTIONS, seconds: WARM_SECONDS }, LONG_MS);

    const modes = rates.map((rate) => [`${rate}/s`, { rate, seconds }]);
    if (cell.fullSpeed) {
      modes.push(["full speed", { connections: CONNECTIONS, seconds: seconds / 2 }]);
    }
    const measured = {};
    for (const [mode, window] of modes) {
      await server.ask("start", { condition, expiring }, LONG_MS);
      if (condition) await runWhile(server.ask("over", {}, LONG_MS), load, window);
      else await load.ask("run", window, LONG_MS);
      const { stretches, ...cost } = await server.ask("stop", {}, LONG_MS);
      measured[mode] = httpWindow(cost, await load.ask("summarize", { stretches }));
    }
    this.#slow.set?.(0);
    await server.ask("finish", {}, LONG_MS);
    return measured;
  }

  async #steady(cell, at, child) {
    const { contender, sessions, expiring, perSecond } = cell;
    const { seconds } = this.#options;
    await this.#filled.copy(contender, sessions, SESSION_BYTES, at.directory);
    at.gcIntervalMs = gcIntervalMs(expiring);
    const store = child("./cell-steady.js");
    const what = { contender, at, sessions, bytes: SESSION_BYTES };
    await store.ask("prepare", what, LONG_MS);
    await store.ask("measure", { perSecond, seconds: SETTLE_SECONDS });
    const modes = { quiet: undefined, gc: "gc", compaction: "compaction" };
    const measured = {};
    for (const [mode, condition] of Object.entries(modes)) {
      const window = { perSecond, seconds, condition, expiring };
      measured[mode] = await store.ask("measure", window, LONG_MS);
    }
    await store.ask("finish", {}, LONG_MS);
    return measured;
  }

  async #scale(cell, at, child) {
    const { contender, sessions } = cell;
    const filled = await this.#filled.of(contender, sessions, SESSION_BYTES);
    const { directory, measured: fill } = filled;
    // One filling is one window, however often it is opened.
    filled.measured = undefined;
    const what = { contender, at: { directory }, empty: at, sessions };
    const opening = child("./cell-scale.js");
    const open = await opening.ask("open", what, LONG_MS);
    await opening.stop();
    if (!CONTENDERS[contender].jsonLines) return { fill, open };
    const parse = await child("./cell-scale.js").ask("parse", what, LONG_MS);
    return { fill, open, parse };
  }
}

/** Requests until the condition has ended. */
async function runWhile(over, load, window) {
  const ran = load.ask("run", { ...window, seconds: undefined }, LONG_MS);
  try {
    await over;
  } finally {
    await load.ask("halt");
    await ran;
  }
}

/** One window over HTTP as one flat record. */
function httpWindow({ busyMs, cpuMs, processCpuMs, wallMs, ...cost }, latencies) {
  const perCent = (ms) => (100 * ms) / wallMs;
  return {
    ...latencies,
    ...cost,
    mainBusyPercent: perCent(busyMs),
    mainCpuPercent: perCent(cpuMs),
    processCpuPercent: perCent(processCpuMs),
  };
}
