/**
 * Runs the built package for a long time under a mixed load, with collections of expired sessions,
 * compactions, reopenings and the hashing of passwords, and holds every answer against a model. Fails (exit 1) on a wrong
 * answer, and on growth of memory, handles or files.
 *
 *     npm run test:soak -- --minutes 60
 *
 * `--seed` repeats a load, `--encrypted` and `--inline` choose the configuration.
 */
import { pbkdf2 } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs, promisify } from "node:util";
import LiteNoSQLStore from "express-session-isolate";
import { seededRandom } from "../test/support/random.js";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 2 ** 32) },
    encrypted: { type: "boolean", default: false },
    inline: { type: "boolean", default: false },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error("usage: npm run test:soak -- [--minutes N] [--seed N] [--encrypted] [--inline]");
  process.exit(2);
}

const LENGTH_MS = minutes * 60_000;
/** One line and one sample each; 60 in all, so that a trend can be told from the noise. */
const INTERVAL_MS = Math.max(1000, LENGTH_MS / 60);
/** The store is closed and opened again so often: more often than a sample is taken. */
const REOPEN_MS = INTERVAL_MS / 2;
/** Calls in flight. */
const CLIENTS = 16;
/** Ids in use; about this many sessions live at any time, whatever the length of the run. */
const SIDS = 2000;
/** So many passwords are hashed at once, which takes all threads of libuv's pool, so often. */
const LOGINS = 4;
const LOGINS_EVERY_MS = 250;
const WAL_LIMIT_BYTES = 256 * 1024;

const random = seededRandom(seed).integer;
const directory = mkdtempSync(join(tmpdir(), "express-session-isolate-soak-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

/** @typedef {{ session: ReturnType<typeof session>, expiresAt: number }} Held */

/**
 * What each id must hold: a session and when it expires, or nothing.
 * @type {Map<string, Held>}
 */
const model = new Map();
/** Ids that a client is busy with: the model says what they hold only when it has been answered. */
const busy = new Set();
const counts = { ops: 0, errors: 0, reopened: 0, compacted: 0, collected: 0 };
const last = { gc: 0, compaction: 0 };
/** @type {Record<string, number>[]} */
const samples = [];

let store = open();
let gate = Promise.resolve();
const end = performance.now() + LENGTH_MS;

console.log(`seed ${seed}, ${minutes} minutes, a line each ${(INTERVAL_MS / 1000).toFixed(1)} s`);
const measuring = measure();
const reopening = reopenNowAndThen();
const hashing = hashPasswords();
await Promise.all(Array.from({ length: CLIENTS }, client));
await Promise.all([measuring, reopening, hashing]);
await verifyAll();
await store.close();
const failures = [...growth(), ...leftovers()];
for (const failure of failures) console.error(`FAILED (seed ${seed}): ${failure}`);
console.log(`${JSON.stringify(counts)}: ${failures.length === 0 ? "passed" : "failed"}`);
process.exitCode = failures.length === 0 ? 0 : 1;

function open() {
  const opened = new LiteNoSQLStore({
    directory,
    isolate: !values.inline,
    walLimit: WAL_LIMIT_BYTES,
    gcInterval: 500,
    ...(values.encrypted && { encryptionKey: "a key for the soak test" }),
  });
  opened.on("error", (error) => fail("an error that nobody waited for", error));
  return opened;
}

/** One call after the other, each checked against the model. */
async function client() {
  while (performance.now() < end) {
    await gate;
    const sid = `sid ${random(SIDS)}`;
    if (busy.has(sid)) {
      await new Promise(setImmediate);
      continue;
    }
    busy.add(sid);
    try {
      await call(sid);
    } catch (error) {
      fail(`a call for ${sid}`, error);
    }
    busy.delete(sid);
    counts.ops++;
  }
}

/** @param {string} sid */
async function call(sid) {
  const kind = random(100);
  if (kind < 55) await check(sid);
  else if (kind < 80) {
    const value = session();
    await store.set(sid, value);
    remember(sid, value);
  } else if (kind < 93) {
    const { cookie } = session();
    /** @type {unknown} */
    const answer = await store.touch(sid, { cookie });
    const held = model.get(sid);
    // One that comes when its own cookie has expired ends the session. Close to the expiry of the
    // session either answer is right.
    const endsIt = Number(cookie.expires) <= Date.now();
    if ((answer === "OK" || endsIt) && held !== undefined) {
      remember(sid, { ...held.session, cookie });
    } else if (answer === "OK") fail(`touch found ${sid}, which does not exist`);
    else if (isLive(held, 1000)) fail(`touch did not find ${sid}`);
  } else if (kind < 99) {
    const count = await store.destroy(sid);
    if (count === 1 && !model.has(sid)) fail(`destroy found ${sid}, which does not exist`);
    model.delete(sid);
  } else if (random(200) === 0) await store.compact();
  else if (random(10) === 0) await lookAtStats();
}

/** @param {string} sid */
async function check(sid) {
  const held = model.get(sid);
  const found = await store.get(sid);
  if (found === null) {
    if (isLive(held, 1000)) fail(`${sid} is lost`);
  } else if (held === undefined) fail(`${sid} is back`);
  else if (JSON.stringify(found) !== JSON.stringify(held.session)) fail(`${sid} has changed`);
}

/** Counts collections that found something and compactions, as far as they are seen in passing. */
async function lookAtStats() {
  const { gc = null, compaction = null } = await store.stats();
  if (gc !== null && gc.removed > 0 && gc.at > last.gc) counts.collected++;
  if (compaction !== null && compaction.at > last.compaction) counts.compacted++;
  last.gc = Math.max(last.gc, gc?.at ?? 0);
  last.compaction = Math.max(last.compaction, compaction?.at ?? 0);
}

/** Checks everything that should be there, and that nothing else is. */
async function verifyAll() {
  for (let index = 0; index < SIDS; index++) await check(`sid ${index}`);
  for (const sid of await store.ids()) if (!model.has(sid)) fail(`${sid} is listed`);
}

/** @returns {import("express-session").SessionData & { visits: number, data: string }} */
function session() {
  // Half of them expire soon, so that there is always something to collect.
  const lifetime = random(2) === 0 ? 200 + random(3000) : 86_400_000;
  const expires = new Date(Date.now() + lifetime);
  const cookie = { originalMaxAge: lifetime, expires, path: "/" };
  return { cookie, visits: random(1e6), data: "x".repeat(100 + random(2000)) };
}

/** @param {string} sid @param {Held["session"]} value */
function remember(sid, value) {
  model.set(sid, { session: value, expiresAt: Number(value.cookie.expires) });
}

/** @param {Held | undefined} held @param {number} marginMs */
function isLive(held, marginMs) {
  return held !== undefined && held.expiresAt > Date.now() + marginMs;
}

/** Stops the clients between two calls, closes, opens again, and lets them go on. */
async function reopenNowAndThen() {
  for (;;) {
    await delay(REOPEN_MS);
    if (performance.now() >= end) return;
    let goOn = () => {};
    gate = new Promise((resolve) => (goOn = resolve));
    while (busy.size > 0) await new Promise(setImmediate);
    await store.close();
    store = open();
    await store.ready.catch((error) => fail("reopening", error));
    counts.reopened++;
    goOn();
  }
}

async function hashPasswords() {
  const hash = promisify(pbkdf2);
  while (performance.now() < end) {
    const logins = Array.from({ length: LOGINS }, () =>
      hash("a password", "a salt", 50_000, 32, "sha256"),
    );
    await Promise.all([delay(LOGINS_EVERY_MS), ...logins]);
  }
}

async function measure() {
  for (let at = performance.now(); at < end; at = performance.now()) {
    await delay(Math.min(INTERVAL_MS, end - at));
    globalThis.gc?.();
    const { heapUsed, rss, external } = process.memoryUsage();
    const sample = {
      heapUsed,
      rss,
      external,
      handles: process.getActiveResourcesInfo().length + descriptors(),
      fileBytes: fileBytes(),
    };
    samples.push(sample);
    const mebibytes = (/** @type {number} */ bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    console.log(
      `${String(counts.ops).padStart(9)} ops  heap ${mebibytes(heapUsed)}  rss ${mebibytes(rss)}  ` +
        `external ${mebibytes(external)}  handles ${sample.handles}  files ${mebibytes(sample.fileBytes)}`,
    );
  }
}

/** Open file descriptors, the workers' among them, where the system tells. */
function descriptors() {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

function fileBytes() {
  let bytes = 0;
  for (const name of readdirSync(directory)) {
    bytes += statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/**
 * What has grown after the warm-up, the first third: medians of the second third and of the last
 * are compared, since single samples depend on when V8 last collected and when the store last
 * compacted. The load is the same throughout, so the medians should be too. In runs of a minute
 * they are within 2 % for the heap (after a full collection), 6 % for the resident set, which has
 * the worker's heap in it, and 15 % for the files, which a compaction halves; what is allowed is
 * above that. Reopenings are as many however long the run is: what each one leaks is added up.
 */
function growth() {
  /** @type {Record<string, [share: number, slack: number]>} */
  const allowed = {
    heapUsed: globalThis.gc ? [0.15, 2 * 2 ** 20] : [0.25, 8 * 2 ** 20],
    rss: [0.15, 24 * 2 ** 20],
    external: [0.25, 8 * 2 ** 20],
    handles: [0, CLIENTS],
    fileBytes: [0.25, 4 * WAL_LIMIT_BYTES],
  };
  const third = Math.floor(samples.length / 3);
  return Object.entries(allowed).flatMap(([name, [share, slack]]) => {
    const before = median(samples.slice(third, 2 * third).map((sample) => sample[name] ?? 0));
    const after = median(samples.slice(-third).map((sample) => sample[name] ?? 0));
    return after > before * (1 + share) + slack ? [`${name} grew from ${before} to ${after}`] : [];
  });
}

/** What a run should not have left: files, errors, doubts that it was one. */
function leftovers() {
  const known = new Set(["sessions.wal.log", "sessions.snapshot.json", ".db.salt"]);
  const names = readdirSync(directory).filter((name) => !known.has(name));
  return [
    ...(names.length > 0 ? [`files are left over: ${names.join(", ")}`] : []),
    ...(counts.collected === 0 || counts.compacted === 0
      ? ["nothing was collected, or nothing compacted"]
      : []),
    ...(counts.errors > 0 ? [`${counts.errors} errors, see above`] : []),
  ];
}

/** @param {number[]} numbers */
function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** @param {string} what @param {unknown} [error] */
function fail(what, error) {
  counts.errors++;
  if (counts.errors <= 20) console.error(`ERROR (seed ${seed}): ${what}`, error ?? "");
}
