/** Which cells there are: each is one store in one situation, and runs in processes of its own. */
import { CONTENDERS } from "./contenders.js";
import { SCENARIOS } from "./scenarios.js";

export const SECTIONS = {
  idle: "One get after the other, nothing else going on",
  alone: "The store alone: 80 % get, 20 % set, 780-byte sessions",
  sets: "The store alone: sets only, 64 in flight",
  "sets-slow": "The same on a slow disk: every fsync takes 5 ms longer",
  http: "Over HTTP",
  "http-slow": "Over HTTP, on a slow disk: every fsync takes 5 ms longer",
  "http-gc": "Over HTTP, while a tenth of the sessions is collected",
  "http-gc-slow": "Over HTTP, on a slow disk, while a tenth of the sessions is collected",
  "http-compaction": "Over HTTP, while the files are compacted",
  "http-compaction-slow": "Over HTTP, on a slow disk, while the files are compacted",
  steady: "Gets at a fixed rate: quiet, while a tenth is collected, while all is compacted",
  scale: "Many sessions of 780 bytes: filling, opening, memory",
};

const MILLION = 1_000_000;
const ALL = Object.keys(CONTENDERS);
const STORES = ALL.filter((name) => CONTENDERS[name].guarantee !== "none");
const DISK = ALL.filter((name) => CONTENDERS[name].guarantee === "disk");
const OURS = DISK.filter((name) => CONTENDERS[name].ours);
const can = (condition) => ALL.filter((name) => CONTENDERS[name].during?.includes(condition));

const CALLS = { sessions: 10_000, setShare: 0.2 };
const SETS = { sessions: 10_000, setShare: 1, inFlight: 64 };
const GC = { condition: "gc" };
const COMPACTION = { condition: "compaction" };
const STEADY = { sessions: MILLION, expiring: MILLION / 10, perSecond: 2000 };

/** All that there is: in each section `[scenario, contenders, params]`. */
function fullPlan() {
  const scaled = [...OURS, "sqlite", "lite-nosql"];
  const scenarios = (contenders, params) =>
    Object.keys(SCENARIOS).map((name) => [name, contenders, { sessions: 10_000, ...params }]);
  /** Of a million sessions; of a tenth of that where they are large. */
  const conditioned = (params) =>
    Object.keys(SCENARIOS).map((name) => {
      const sessions = name === "large" ? MILLION / 10 : MILLION;
      const expiring = params.condition === "gc" ? sessions / 10 : 0;
      return [name, can(params.condition), { sessions, expiring, fullSpeed: true, ...params }];
    });
  return {
    idle: [["1", ALL, { ...CALLS, setShare: 0, inFlight: 1 }]],
    alone: [1, 8, 64, 512].map((inFlight) => [String(inFlight), ALL, { ...CALLS, inFlight }]),
    sets: [["64", STORES, SETS]],
    "sets-slow": [["64", STORES, { ...SETS, slow: true }]],
    http: scenarios(STORES, { fullSpeed: true }),
    "http-slow": scenarios(STORES, { fullSpeed: true, slow: true }),
    "http-gc": conditioned(GC),
    "http-gc-slow": conditioned({ ...GC, slow: true }),
    "http-compaction": conditioned(COMPACTION),
    "http-compaction-slow": conditioned({ ...COMPACTION, slow: true }),
    steady: [[String(MILLION), OURS, STEADY]],
    scale: [10_000, 100_000, MILLION].map((sessions) => [String(sessions), scaled, { sessions }]),
  };
}

/** What fits into ten minutes on two cores, with a cell for every target. */
function shortPlan() {
  const sessions = 2000;
  const calls = { ...CALLS, sessions };
  const sets = { ...SETS, sessions };
  const http = { sessions, fullSpeed: true };
  const durable = ["isolate", "isolate-encrypted", "sqlite-full", "redis-always", "lite-nosql"];
  const many = { sessions: 100_000 };
  return {
    idle: [
      ["1", ["isolate", "sqlite-full", "memory", "floor"], { ...calls, setShare: 0, inFlight: 1 }],
    ],
    alone: [1, 8, 64, 512].map((inFlight) => [
      String(inFlight),
      inFlight === 64
        ? [...durable, "inline", "sqlite", "memory", "floor", "floor-fsync"]
        : ["isolate-encrypted", "floor"],
      { ...calls, inFlight },
    ]),
    sets: [["64", durable, sets]],
    "sets-slow": [["64", durable, { ...sets, slow: true }]],
    http: [
      ["read", ["isolate", "sqlite-full", "redis-always", "sqlite", "memory"], http],
      ["write", [...durable, "sqlite", "file", "memory"], http],
      ["login", ["isolate", "sqlite-full", "memory"], http],
      ["large", ["isolate", "sqlite-full", "memory"], http],
    ],
    "http-slow": [["write", [...durable, "inline-encrypted", "memory"], { ...http, slow: true }]],
    "http-gc": [["write", ["isolate-encrypted", "sqlite"], { ...many, ...GC, expiring: 10_000 }]],
    "http-compaction": [["write", ["isolate-encrypted", "lite-nosql"], { ...many, ...COMPACTION }]],
    steady: [[String(MILLION), ["isolate"], STEADY]],
    scale: [
      ["10000", ["isolate", "sqlite", "lite-nosql"], { sessions: 10_000 }],
      ["100000", ["isolate", "sqlite"], many],
      [String(MILLION), ["isolate"], { sessions: MILLION }],
    ],
  };
}

/** Every cell of the plan, on any machine. */
function* planned(full) {
  for (const [section, rows] of Object.entries(full ? fullPlan() : shortPlan())) {
    for (const [scenario, contenders, params] of rows) {
      for (const contender of contenders) {
        yield {
          id: `${section}/${scenario}/${contender}`,
          section,
          scenario,
          contender,
          ...params,
        };
      }
    }
  }
}

const matches = (id, part) => `${id}/`.startsWith(`${part}/`);

/** Whether `--only` can name this. */
export function hasCells(part, full) {
  return [...planned(full)].some(({ id }) => matches(id, part));
}

/** The cells that were asked for and can run here; `missing` has what cannot, and why. */
export function cellsFor({ full, stores, only }, missing) {
  return [...planned(full)].filter(
    ({ id, contender, slow, sessions }) =>
      stores.includes(contender) &&
      !missing[contender] &&
      !(slow && missing.slow) &&
      sessions <= (CONTENDERS[contender].maxSessions ?? Infinity) &&
      (only?.some((part) => matches(id, part)) ?? true),
  );
}
