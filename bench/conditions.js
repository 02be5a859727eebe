/** What a store does beside its calls while it is measured: nothing, a collection, a compaction. */
import { setTimeout as delay } from "node:timers/promises";
import { now, until } from "./clock.js";
import { fill } from "./drive.js";
import { sessionBody, sessionId } from "./sessions.js";

/** How often a store that collects by itself does so here. */
export const GC_INTERVAL_MS = 1000;

/** From the beginning of the window to what the benchmark starts within it. */
const START_AFTER_MS = 200;

/** Time to store the sessions that will expire: this, and so much for each. */
const STORING_MS = 1500;
const STORING_EACH_MS = 0.06;
const GIVE_UP_MS = 60_000;

/** Ids of sessions that expire: none that the load asks for. */
const EXPIRING_FROM = 1e9;

/**
 * Begins the condition; the window may start when this settles. After the window, `end` sees
 * through what was begun and gives the stretches of time (shared clock) that it took: calls that
 * met one of them count. Null: all count.
 */
export async function begin(condition, opened, { expiring, bytes }) {
  if (condition === "gc") return beginCollection(opened, expiring, bytes);
  if (condition === "compaction") return beginCompaction(opened);
  return { end: async () => ({ stretches: null }) };
}

/** Stores `expiring` sessions that all expire at one moment, which the window begins with. */
async function beginCollection(opened, expiring, bytes) {
  const expireAt = Date.now() + STORING_MS + expiring * STORING_EACH_MS;
  opened.relax?.(true);
  await fill(
    opened.store,
    expiring,
    (number) => sessionId(EXPIRING_FROM + number),
    (number) => sessionBody(number, bytes, expireAt - Date.now()),
  );
  opened.relax?.(false);
  if (Date.now() >= expireAt) throw new Error("storing took longer than the sessions live");
  await delay(expireAt - Date.now());
  const window = opened.collect ? collectNow(opened) : awaitCollection(opened, expireAt);
  return {
    async end() {
      const { stretch, removed } = await window;
      return { stretches: [stretch], removed };
    },
  };
}

async function collectNow(opened) {
  await delay(START_AFTER_MS);
  const from = now();
  await opened.collect();
  return { stretch: [from, now()] };
}

/** Waits until the store's own pass has removed something. */
async function awaitCollection(opened, expireAt) {
  const clockOffset = now() - Date.now();
  const giveUpAt = now() + GIVE_UP_MS;
  let removed = 0;
  let from = Infinity;
  let to = 0;
  for (let last = 0; now() < giveUpAt; await delay(100)) {
    const pass = await opened.collected();
    if (!pass || pass.at === last || pass.at < expireAt) continue;
    last = pass.at;
    if (pass.removed === 0 && removed > 0) break;
    if (pass.removed === 0) continue;
    removed += pass.removed;
    from = Math.min(from, pass.at + clockOffset);
    to = Math.max(to, pass.at + clockOffset + pass.durationMs);
  }
  if (removed === 0) throw new Error("nothing was collected");
  return { stretch: [from, to], removed };
}

/** Compacts again and again until the window ends, which is when one more would be too many. */
function beginCompaction(opened) {
  const stretches = [];
  let ending = false;
  const compacting = (async () => {
    await delay(START_AFTER_MS);
    do {
      const from = now();
      await opened.compact();
      stretches.push([from, now()]);
      await until(now() + 50);
    } while (!ending);
  })();
  compacting.catch(() => {});
  return {
    async end() {
      ending = true;
      await compacting;
      return { stretches };
    },
  };
}

/** Whether a call that lasted from `from` to `to` met one of the stretches; null counts all. */
export function meets(stretches, from, to) {
  return stretches === null || stretches.some(([start, end]) => from <= end && to >= start);
}
