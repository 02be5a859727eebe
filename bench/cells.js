/** What is measured: situations, and the contenders in each. Every pair of them is a cell. */

/** `sets` is the percentage of the calls that are sets; the others are gets. `warm` calls come before. */
export const IDLE = { script: "cell/alone.js", sessions: 2000, inFlight: 1, sets: 0, warm: 50_000 };
const CALLS = { ...IDLE, inFlight: 64, sets: 20 };
const GETS = { ...CALLS, sets: 0 };
const SETS = { ...CALLS, sets: 100 };

/**
 * `writes` is the percentage of requests that change a session, `burst` how many log in at once;
 * `rolling` sessions are saved again by each request, with a cookie that expires later. `warm` requests
 * of each process come before.
 */
const REQUESTS = { perSecond: 500, writes: 100, burst: 0, rolling: false, warm: 6000 };
export const WRITE = { script: "cell/http.js", sessions: 2000, bytes: 780, ...REQUESTS };
const ROLLING = { ...WRITE, writes: 0, rolling: true };
const LOGIN = { ...WRITE, perSecond: 200, burst: 4 };

/**
 * Servers of one node:cluster over one directory, or one Redis; one may be killed with SIGKILL. Each of
 * them takes longer to be warm, since they share the cores.
 */
const SERVERS = { script: "cell/cluster.js", warm: 20_000, processes: 2, kills: false };
export const CLUSTER = { ...WRITE, ...SERVERS };
const KILLED = { ...CLUSTER, processes: 3, sessions: 10_000, perSecond: 200, kills: true };

export const MANY = { script: "cell/many.js", sessions: 10_000, expiring: 0, perSecond: 2000 };
const MILLION = { ...MANY, sessions: 1_000_000, expiring: 100_000, long: true };

const LONE = ["isolate", "isolate-guest", "sqlite-full", "redis-always", "isolate-redis", "floor"];
const WITH_FLOORS = ["isolate", "isolate-guest", "isolate-encrypted", "floor", "floor-fsync"];
const DURABLE = ["isolate", "isolate-encrypted", "sqlite-full", "redis-always", "lite-nosql"];
const MAIN = [...DURABLE, "inline", "isolate-redis", "memory"];
const ALL = [...MAIN, "isolate-guest", "sqlite", "redis-everysec", "file"];
const CLUSTERED = ["isolate", "sqlite-full", "redis-always", "isolate-redis", "redis-everysec"];

/**
 * By its name: its title, what its script is told, and who takes part.
 * @typedef {{ script: string, slow?: boolean, long?: boolean, [more: string]: unknown }} Settings
 * @type {Record<string, [title: string, settings: Settings, contenders: string[]]>}
 */
export const SITUATIONS = {
  idle: ["One get after the other", IDLE, LONE],
  gets: ["Gets, 64 in flight", GETS, LONE],
  calls: ["80 % gets, 20 % sets, 64 in flight", CALLS, WITH_FLOORS],
  sets: ["Sets, 64 in flight", SETS, [...DURABLE, "isolate-guest", "isolate-redis"]],
  "sets-slow": ["Sets, 64 in flight, slow disk", { ...SETS, slow: true }, DURABLE],
  read: ["HTTP: 5 % of the requests write", { ...WRITE, writes: 5 }, [...DURABLE, "memory"]],
  write: ["HTTP: each request writes", WRITE, ALL],
  "write-slow": ["HTTP: each request writes, slow disk", { ...WRITE, slow: true }, ALL],
  login: ["HTTP: each request writes, beside bursts of logins", LOGIN, [...MAIN, "file"]],
  rolling: ["HTTP: rolling sessions, which no request changes", ROLLING, [...DURABLE, "memory"]],
  large: ["HTTP: 16 KB sessions", { ...WRITE, writes: 20, bytes: 16_384 }, [...DURABLE, "memory"]],
  "cluster-2": ["HTTP: two processes, each request writes", CLUSTER, CLUSTERED],
  "cluster-4": ["HTTP: four, each request writes", { ...CLUSTER, processes: 4 }, CLUSTERED],
  killed: ["HTTP: the first of three processes is killed", KILLED, ["isolate", "sqlite-full"]],
  "10k": ["10,000 sessions", MANY, ["isolate"]],
  "100k": ["100,000 sessions", { ...MANY, sessions: 100_000 }, ["isolate"]],
  "1m": ["A million sessions", MILLION, ["isolate"]],
};

/** @typedef {{ contender: string, directory: string, seconds: number, slow?: boolean }} Task */

/**
 * Those of these situations, or with these ids, that are of these contenders; of all where none is
 * named. Long ones must be named, or asked for.
 * @param {string[]} parts @param {string[]} [contenders]
 */
export function cells(parts, contenders = [], withLong = false) {
  return Object.entries(SITUATIONS).flatMap(([situation, [, settings, stores]]) =>
    stores
      .map((contender) => ({ ...settings, id: `${situation}/${contender}`, contender }))
      .filter(({ id, contender, long }) => {
        if (contenders.length > 0 && !contenders.includes(contender)) return false;
        if (parts.length === 0) return withLong || !long;
        return parts.includes(situation) || parts.includes(id);
      }),
  );
}
