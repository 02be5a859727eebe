/** Which cells there are: each is one store in one situation, and runs in processes of its own. */
import { CONTENDERS } from "./contenders.js";
import { SCENARIOS } from "./scenarios.js";

export const SECTIONS = {
  idle: "One get after the other, nothing else going on",
  alone: "The store alone: 80 % get, 20 % set, 781-byte sessions",
  sets: "The store alone: sets only, 64 in flight",
  "sets-slow": "The same on a slow disk: every fsync takes 5 ms longer",
  http: "Over HTTP",
  "http-slow": "Over HTTP, on a slow disk: every fsync takes 5 ms longer",
  "http-gc": "Over HTTP, while a tenth of the sessions is collected",
  "http-compaction": "Over HTTP, while the files are compacted",
  steady: "Gets at a fixed rate: quiet, while a tenth is collected, while all is compacted",
  scale: "Many sessions of 780 bytes: filling, opening, memory",
};

const OURS = ["isolate", "isolate-encrypted", "inline", "inline-encrypted"];
const ALL = Object.keys(CONTENDERS);
const STORES = ALL.filter((name) => CONTENDERS[name].guarantee !== "none");
const DISK = ALL.filter((name) => CONTENDERS[name].guarantee === "disk");
const can = (condition) => ALL.filter((name) => CONTENDERS[name].during?.includes(condition));
const without = (names, ...left) => names.filter((name) => !left.includes(name));

/** What each section has: `[scenario, contenders, params]`, in the default form and in full. */
function plan(full) {
  /** A million; large ones a tenth of that, and all a tenth in the default form. */
  const many = (name) => (full ? 1_000_000 : 100_000) / (name === "large" ? 10 : 1);
  const some = ["isolate-encrypted", "sqlite-full", "redis-always", "sqlite", "file", "memory"];
  const often = [...OURS, "sqlite-full", "memory", "floor"];
  const scenarios = Object.keys(SCENARIOS);
  const everywhere = (contenders, params) => scenarios.map((name) => [name, contenders, params]);
  const scaled = ["isolate", "isolate-encrypted", "inline", "sqlite", "lite-nosql"];
  const conditioned = full ? scenarios : ["read", "write"];
  const collectors = full ? can("gc") : ["isolate-encrypted", "inline-encrypted", "sqlite"];
  const compactors = full
    ? can("compaction")
    : ["isolate-encrypted", "inline-encrypted", "lite-nosql"];

  return {
    idle: [["1", full ? ALL : without(ALL, "file"), { inFlight: 1, setShare: 0 }]],
    alone: [1, 8, 64, 512].map((inFlight) => [
      String(inFlight),
      full || inFlight === 64 ? ALL : often,
      { inFlight, setShare: 0.2 },
    ]),
    sets: [["64", full ? STORES : [...DISK, "sqlite", "file"], { inFlight: 64, setShare: 1 }]],
    "sets-slow": [["64", DISK, { inFlight: 64, setShare: 1, slow: true }]],
    http: full
      ? everywhere(STORES, { sessions: 5000 })
      : [
          ["read", without(STORES, "inline"), { sessions: 5000 }],
          ["write", without(STORES, "inline"), { sessions: 5000 }],
          ["login", some, { sessions: 5000 }],
          ["large", some, { sessions: 2000 }],
        ],
    "http-slow": full
      ? everywhere(STORES, { sessions: 5000, slow: true })
      : [["write", [...without(DISK, "inline"), "file", "memory"], { sessions: 5000, slow: true }]],
    "http-gc": conditioned.map((name) => [
      name,
      collectors,
      { sessions: many(name), condition: "gc", expiring: many(name) / 10 },
    ]),
    "http-compaction": conditioned.map((name) => [
      name,
      compactors,
      { sessions: many(name), condition: "compaction", expiring: 0 },
    ]),
    steady: [
      [
        "1000000",
        full ? ["isolate", "isolate-encrypted", "inline"] : ["isolate"],
        { sessions: 1_000_000, expiring: 100_000, perSecond: 2000 },
      ],
    ],
    scale: [
      ["10000", scaled, { sessions: 10_000 }],
      ["100000", scaled, { sessions: 100_000 }],
      ["1000000", full ? scaled : ["isolate"], { sessions: 1_000_000 }],
    ],
  };
}

const matches = (id, part) => `${id}/`.startsWith(`${part}/`);

/** The cells that were asked for, and why some are left out, a line each. */
export function cellsFor({ full, stores, only }, missing) {
  const cells = [];
  for (const [section, rows] of Object.entries(plan(full))) {
    for (const [scenario, contenders, params] of rows) {
      for (const contender of contenders) {
        const id = `${section}/${scenario}/${contender}`;
        if (!stores.includes(contender) || missing[contender]) continue;
        if (params.slow && missing.slow) continue;
        if (only.some((part) => matches(id, part))) {
          cells.push({ id, section, scenario, contender, ...params });
        }
      }
    }
  }
  return cells;
}
