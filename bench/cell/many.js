/**
 * Process: this package's store with many sessions: bytes written, time to open, memory. If some are
 * to expire, also gets at a fixed rate: in quiet, while those are collected, while all is compacted.
 */
import { existsSync, readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { seededRandom } from "../../test/support/random.js";
import { openLoop } from "../load/loops.js";
import { BYTES, fill, sessionId } from "../load/sessions.js";
import { now } from "../load/time.js";
import { answer, run } from "../process.js";
import { contenderOf } from "../stores/index.js";

const ASKED_FOR = 10_000;
/** What opening so many sessions has left behind must not count as quiet. */
const SETTLE_MS = 3000;
/** Time to store the sessions that are to expire. */
const LIFETIME_MS = 15_000;
const GC_MS = 8000;

/** @typedef {import("../../src/main/session-store.js").SessionStore} SessionStore */
/** @typedef {import("../cells.js").Task & typeof import("../cells.js").MANY} Task */

/** @param {string} directory @param {string} contender @returns {Promise<SessionStore>} */
const open = async (directory, contender) =>
  /** @type {any} */ (await contenderOf(contender).open(directory, { gcInterval: GC_MS })).store;

/** @param {Task} task */
async function measureFilling({ contender, directory, sessions }) {
  const store = await open(directory, contender);
  await fill(store, 0, sessions);
  await store.close();
  // What this process has handed to write calls: nothing but sessions. Only Linux tells.
  const io = existsSync("/proc/self/io") ? readFileSync("/proc/self/io", "utf8") : "";
  return { writtenPerByte: Number(/^wchar: (\d+)/m.exec(io)?.[1]) / (sessions * BYTES) };
}

/** Resident memory after garbage was collected in this thread and its workers. */
async function residentBytes() {
  const inspector = new Session();
  inspector.connect();
  const message = JSON.stringify({ id: 1, method: "HeapProfiler.collectGarbage" });
  let waiting = 0;
  inspector.on("NodeWorker.receivedMessageFromWorker", () => waiting--);
  inspector.on("NodeWorker.attachedToWorker", ({ params: { sessionId: worker } }) => {
    waiting++;
    const post = inspector.post("NodeWorker.sendMessageToWorker", { sessionId: worker, message });
    post.catch(() => {});
  });
  await inspector.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
  await inspector.post("HeapProfiler.collectGarbage");
  while (waiting > 0) await delay(10);
  inspector.disconnect();
  return process.memoryUsage.rss();
}

/** Resolves when it has collected expired sessions. @param {SessionStore} store */
async function collection(store) {
  for (;;) {
    const { gc } = await store.stats();
    if (gc && gc.removed > 0) return gc;
    // To answer, the worker counts its sessions: asked after the next collection, not during it.
    await delay(Math.max(1000, (gc?.at ?? 0) + (gc?.durationMs ?? 0) + GC_MS + 4000 - Date.now()));
  }
}

/** @param {SessionStore} store @param {Task} task */
async function measureGets(store, { sessions, expiring, perSecond, seconds }) {
  const random = seededRandom(1);
  const send = async () => {
    const found = await store.get(sessionId(random.integer(ASKED_FOR)));
    if (!found) throw new Error("a stored session was not found");
  };
  const gets = (/** @type {Promise<unknown>} */ until) => openLoop({ perSecond, until, send });
  const elapsed = now() - Date.now();
  /** @param {{ at: number, durationMs: number }} pass @param {Awaited<ReturnType<openLoop>>} loop */
  const p99During = ({ at, durationMs }, loop) =>
    loop.latencies(at + elapsed, at + elapsed + durationMs).percentile(99);
  await gets(delay(SETTLE_MS));
  const quiet = await gets(delay(seconds * 1e3));
  const expireAt = Date.now() + LIFETIME_MS;
  await fill(store, sessions, expiring, BYTES, () => expireAt - Date.now());
  const collected = collection(store);
  const collecting = await gets(collected);
  const gc = await collected;
  if (gc.removed !== expiring) throw new Error(`${gc.removed} of ${expiring} were collected`);
  const compacting = await gets(delay(SETTLE_MS).then(() => store.compact()));
  const { compaction } = await store.stats();
  if (!compaction) throw new Error("nothing was compacted");
  return {
    quietP99: quiet.latencies().percentile(99),
    gcP99: p99During(gc, collecting),
    gcS: gc.durationMs / 1e3,
    compactionP99: p99During(compaction, compacting),
    compactionS: compaction.durationMs / 1e3,
  };
}

await answer(import.meta.url, async (/** @type {Task & { filling?: boolean }} */ task) => {
  if (task.filling) return measureFilling(task);
  const { contender, sessions } = task;
  const directory = join(task.directory, "filled");
  // In a process of its own, so that no memory is left of it.
  const filling = await run("cell/many.js", { ...task, directory, filling: true });
  const empty = await open(task.directory, contender);
  const idleBytes = await residentBytes();
  await empty.close();
  const start = now();
  const store = await open(directory, contender);
  if (!(await store.get(sessionId(sessions - 1)))) throw new Error("the last one is not there");
  const openS = (now() - start) / 1e3;
  const bytesPerSession = ((await residentBytes()) - idleBytes) / sessions;
  const gets = task.expiring > 0 ? await measureGets(store, task) : {};
  return { ...filling, openS, bytesPerSession, ...gets };
});
