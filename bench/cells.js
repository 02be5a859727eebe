/** How a cell of each kind is run: its processes, in which order they do what. */
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { constants } from "node:fs";
import { join } from "node:path";
import { GC_INTERVAL_MS } from "./conditions.js";
import { CONTENDERS } from "./contenders.js";
import { SLOW_FSYNC_US } from "./disk.js";
import { Child } from "./message.js";
import { startRedis } from "./redis-server.js";
import { SCENARIOS } from "./scenarios.js";

const SESSION_BYTES = 781;
const SCALE_BYTES = 780;
const ALONE_SESSIONS = 10_000;
const CONNECTIONS = 64;
const WARM_SECONDS = 0.5;

/** A collection needs time to begin, by itself, and to end. */
const CONDITION_SECONDS = 2.5;
const LONG_MS = 600_000;

/** Runs cells below one directory, on one disk or its slow form. */
export class Cells {
  #root;
  #options;
  #slow;
  #filled = new Map();

  constructor(root, options, slow) {
    this.#root = root;
    this.#options = options;
    this.#slow = slow;
  }

  /** Answers `{ [mode]: windows }`: for each way in which it was measured a list of records. */
  async run(cell) {
    const directory = await mkdtemp(join(this.#root, "cell-"));
    const env = cell.slow ? this.#slow.env : {};
    const { redis } = CONTENDERS[cell.contender];
    const children = [];
    const child = (script, childEnv = env) => {
      children.push(new Child(script, { env: childEnv }));
      return children.at(-1);
    };
    let server;
    try {
      if (redis) server = await startRedis(directory, redis, env);
      const at = { directory, socket: server?.socket };
      if (cell.section === "scale") return await this.#scale(cell, child);
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
    const { inFlight, setShare, contender } = cell;
    const store = child("./cell-alone.js");
    const load = { sessions: ALONE_SESSIONS, bytes: SESSION_BYTES, inFlight, setShare };
    await store.ask("prepare", { contender, at, ...load });
    this.#slowDown(cell);
    await store.ask("warm", { seconds: WARM_SECONDS });
    const calls = [];
    for (let i = 0; i < this.#options.repeat; i++) {
      calls.push(await store.ask("measure", { seconds: this.#options.seconds / 2 }));
    }
    this.#slow.set?.(0);
    await store.ask("finish");
    return { calls };
  }

  async #http(cell, at, child) {
    const { contender, scenario, sessions, condition } = cell;
    const { repeat, rates } = this.#options;
    const files = condition && CONTENDERS[contender].files;
    if (files) await this.#copyFilled(cell, SCENARIOS[scenario].bytes, at.directory);
    if (condition === "gc") at.gcIntervalMs = GC_INTERVAL_MS;

    const server = child("./cell-server.js");
    const load = child("./cell-load.js", {});
    const what = { contender, at, scenario, sessions, filled: Boolean(files) };
    const port = await server.ask("prepare", what, LONG_MS);
    await load.ask("prepare", { port, scenario, sessions });
    this.#slowDown(cell);
    await load.ask("run", { connections: CONNECTIONS, seconds: WARM_SECONDS });

    const seconds = condition ? CONDITION_SECONDS : this.#options.seconds;
    const modes = rates.map((rate) => [`${rate}/s`, { rate, seconds }]);
    if (!condition) modes.push(["full speed", { connections: CONNECTIONS, seconds }]);
    const measured = Object.fromEntries(modes.map(([mode]) => [mode, []]));
    for (let i = 0; i < repeat; i++) {
      for (const [mode, window] of modes) {
        await server.ask("start", { condition, expiring: cell.expiring }, LONG_MS);
        await load.ask("run", window);
        const cost = await server.ask("stop", undefined, LONG_MS);
        const latencies = await load.ask("summarize", { stretches: cost.stretches ?? null });
        measured[mode].push(httpWindow(cost, latencies));
      }
    }
    this.#slow.set?.(0);
    await server.ask("finish");
    return measured;
  }

  async #steady(cell, at, child) {
    const { contender, sessions, expiring, perSecond } = cell;
    await this.#copyFilled(cell, SCALE_BYTES, at.directory);
    at.gcIntervalMs = GC_INTERVAL_MS;
    const store = child("./cell-steady.js");
    const what = { contender, at, sessions, bytes: SCALE_BYTES, filled: true };
    await store.ask("prepare", what, LONG_MS);
    await store.ask("measure", { perSecond, seconds: WARM_SECONDS });
    const modes = { quiet: undefined, gc: "gc", compaction: "compaction" };
    const measured = {};
    for (const [mode, condition] of Object.entries(modes)) {
      measured[mode] = [];
      const window = { perSecond, seconds: CONDITION_SECONDS, condition, expiring };
      for (let i = 0; i < this.#options.repeat; i++) {
        const { lag, ...window1 } = await store.ask("measure", window, LONG_MS);
        measured[mode].push({ ...window1, lagP99: lag.p99, lagMax: lag.max });
      }
    }
    await store.ask("finish", undefined, LONG_MS);
    return measured;
  }

  async #scale(cell, child) {
    const { contender, sessions } = cell;
    const { directory, measured } = await this.#fill(cell, SCALE_BYTES);
    const open = [];
    const parse = [];
    for (let i = 0; i < this.#options.repeat; i++) {
      const empty = { directory: await mkdtemp(join(this.#root, "empty-")) };
      const what = { contender, at: { directory }, empty, sessions };
      open.push(await child("./cell-scale.js").ask("open", what, LONG_MS));
      const parsed = await child("./cell-scale.js").ask("parse", { at: { directory } }, LONG_MS);
      if (parsed.lines >= sessions) parse.push(parsed);
    }
    return { fill: [measured], open, parse };
  }

  /** A directory that the contender has filled, once in a run; only to be read or copied. */
  async #fill({ contender, sessions }, bytes) {
    const key = `${contender}-${sessions}-${bytes}`;
    if (!this.#filled.has(key)) {
      const directory = join(this.#root, key);
      await mkdir(directory);
      const filler = new Child("./cell-scale.js");
      try {
        const what = { contender, at: { directory }, sessions, bytes };
        this.#filled.set(key, { directory, measured: await filler.ask("fill", what, LONG_MS) });
      } finally {
        await filler.stop();
      }
    }
    return this.#filled.get(key);
  }

  async #copyFilled(cell, bytes, to) {
    const { directory } = await this.#fill(cell, bytes);
    await cp(directory, to, { recursive: true, mode: constants.COPYFILE_FICLONE });
  }
}

/** One window over HTTP as one flat record. */
function httpWindow(cost, { firstError, ...latencies }) {
  const perCent = (ms) => (100 * ms) / cost.wallMs;
  return {
    ...latencies,
    ...(firstError ? { firstError } : {}),
    lagP50: cost.lag.p50,
    lagP99: cost.lag.p99,
    lagMax: cost.lag.max,
    mainCpuPercent: perCent(cost.cpuMs),
    mainBusyPercent: perCent(cost.busyMs),
    processCpuPercent: perCent(cost.processCpuMs),
    rssBytes: cost.rssBytes,
    lagSeries: cost.lagSeries,
  };
}
