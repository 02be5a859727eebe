/** What is measured: situations, and the contenders in each. Every pair of them is a cell. */

/** `sets` is the percentage of the calls that are sets; the others are gets. */
export const IDLE = { script: "cell/alone.js", sessions: 2000, inFlight: 1, sets: 0 };
const CALLS = { ...IDLE, inFlight: 64, sets: 20 };
const SETS = { ...CALLS, sets: 100 };

/**
 * `writes` is the percentage of requests that change a session, `burst` how many log in at once;
 * `rolling` sessions are saved again by each request, with a cookie that expires later.
 */
const REQUESTS = { perSecond: 500, writes: 100, burst: 0, rolling: false };
export const WRITE = { script: "cell/http.js", sessions: 2000, bytes: 780, ...REQUESTS };
const ROLLING = { ...WRITE, writes: 0, rolling: true };
const LOGIN = { ...WRITE, perSecond: 200, burst: 4 };

export const MANY = { script: "cell/many.js", sessions: 10_000, expiring: 0, perSecond: 2000 };

const OURS = ["isolate"];
const BOTH = ["isolate", "isolate-guest"];
const FLOORS = ["floor", "floor-fsync"];
const DURABLE = ["isolate", "isolate-encrypted", "sqlite-full", "redis-always", "lite-nosql"];
const MAIN = [...DURABLE, "inline", "memory"];
const ALL = [...MAIN, "sqlite", "redis-everysec", "isolate-redis", "file"];

/**
 * By its name: its title, what its script is told, and who takes part.
 * @typedef {{ script: string, slow?: boolean, [setting: string]: unknown }} Settings
 * @type {Record<string, [title: string, settings: Settings, contenders: string[]]>}
 */
export const SITUATIONS = {
  idle: ["One get after the other", IDLE, [...BOTH, "sqlite-full", "floor"]],
  calls: ["80 % gets, 20 % sets, 64 in flight", CALLS, [...BOTH, "isolate-encrypted", ...FLOORS]],
  sets: ["Sets, 64 in flight", SETS, [...DURABLE, "isolate-guest", "isolate-redis"]],
  "sets-slow": ["Sets, 64 in flight, slow disk", { ...SETS, slow: true }, DURABLE],
  read: ["HTTP: 5 % of the requests write", { ...WRITE, writes: 5 }, [...DURABLE, "memory"]],
  write: ["HTTP: each request writes", WRITE, ALL],
  "write-slow": ["HTTP: each request writes, slow disk", { ...WRITE, slow: true }, MAIN],
  login: ["HTTP: each request writes, beside bursts of logins", LOGIN, MAIN],
  rolling: ["HTTP: rolling sessions, which no request changes", ROLLING, [...DURABLE, "memory"]],
  large: ["HTTP: 16 KB sessions", { ...WRITE, writes: 20, bytes: 16_384 }, ["isolate", "memory"]],
  "10k": ["10,000 sessions", MANY, OURS],
  "100k": ["100,000 sessions", { ...MANY, sessions: 100_000 }, OURS],
  "1m": ["A million sessions", { ...MANY, sessions: 1_000_000, expiring: 100_000 }, OURS],
};

/**
 * What the script of every cell is told besides.
 * @typedef {{ contender: string, directory: string, seconds: number, slow?: boolean }} Task
 */

/** The cells of the contenders; if there are parts, those that are one or belong to one. */
export function cells(/** @type {string[]} */ parts, /** @type {string[]} */ contenders) {
  return Object.entries(SITUATIONS).flatMap(([situation, [, settings, stores]]) =>
    stores
      .map((contender) => ({ ...settings, id: `${situation}/${contender}`, contender }))
      .filter(({ contender }) => contenders.includes(contender))
      .filter(({ id }) => parts.length === 0 || parts.includes(situation) || parts.includes(id)),
  );
}
