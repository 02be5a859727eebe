/** Process: clients that go on while a server is killed, with a connection for each request. */
import { setTimeout as delay } from "node:timers/promises";
import { answer } from "../process.js";
import { openLoop } from "./loops.js";
import { cookieOf } from "./sessions.js";
import { now } from "./time.js";

/** A connection that the primary has passed to an instance which is killed is never answered. */
const TIMES = { warmMs: 1500, beforeMs: 1000, afterMs: 4000, timeoutMs: 3000 };
export const BUCKET_MS = 100;

/**
 * Each request is of another session. One has failed if it was not answered with 200; that with the
 * content of another session is no failure, but a store that answers wrongly.
 * @param {{ port: number, pid: number, perSecond: number }} task
 */
export async function measureOutage({ port, pid, perSecond }, kill = process.kill, times = TIMES) {
  let sent = 0;
  const answered = /** @type {{ number: number, at: number }[]} */ ([]);
  async function send() {
    const number = sent++;
    const headers = { cookie: cookieOf(number), connection: "close" };
    const signal = AbortSignal.timeout(times.timeoutMs);
    const body = await fetch(`http://127.0.0.1:${port}/write`, { headers, signal })
      .then((response) => (response.ok ? response.text() : undefined))
      .catch(() => undefined);
    if (body === undefined) return;
    if (body !== String(number)) throw new Error(`session ${number} is "${body}"`);
    answered.push({ number, at: now() });
  }

  let killedAt = 0;
  const until = delay(times.warmMs + times.beforeMs).then(() => {
    killedAt = now();
    kill(pid, "SIGKILL");
    return delay(times.afterMs);
  });
  await openLoop({ perSecond, until, send });
  const [start, end] = [killedAt - times.beforeMs, killedAt + times.afterMs];
  const shown = answered.map(({ at }) => at).filter((at) => at >= start && at < end);
  const buckets = new Array((end - start) / BUCKET_MS).fill(0);
  for (const at of shown) buckets[Math.floor((at - start) / BUCKET_MS)]++;
  const after = shown.filter((at) => at > killedAt);
  const gaps = [...after, end].map((at, index) => at - (after[index - 1] ?? killedAt));
  return {
    sent,
    failed: sent - answered.length,
    silentMs: Math.max(...gaps),
    answered: buckets,
    acknowledged: answered.map(({ number }) => number),
  };
}

await answer(import.meta.url, (task) => measureOutage(task));
