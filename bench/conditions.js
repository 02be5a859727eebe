/** What a store does beside its calls while it is measured: nothing, a collection, a compaction. */
import { setTimeout as delay } from "node:timers/promises";
import { now } from "./clock.js";
import { fill } from "./drive.js";
import { sessionBody, sessionId } from "./sessions.js";

/** From the beginning of the window to what the benchmark starts within it. */
const START_AFTER_MS = 200;

/** Between a store's own passes, beside the time to store what expires. */
const BETWEEN_PASSES_MS = 6000;

/** One compaction follows the other until a window has lasted so long. */
const COMPACTING_MS = 2500;

/** Time to store the sessions that will expire: this, and so much for each. */
const STORING_MS = 1500;
const STORING_EACH_MS = 0.06;

/** A store that counts in seconds may keep a session for one more. */
const ROUNDING_MS = 1000;

/** Ids of sessions that expire: none that the load asks for. */
const EXPIRING_FROM = 1e9;

/**
 * Begins the condition; the window may start when this settles, and lasts until `over` does, which
 * gives the stretches of time (shared clock) that the condition took: what met none of them does
 * not count. Without a condition it ends when the caller likes, and all counts: null.
 */
export async function begin(condition, opened, { expiring, bytes }) {
  if (condition === "gc") return beginCollection(opened, expiring, bytes);
  if (condition === "compaction") return { over: heard(compactAgain(opened)) };
  return { over: Promise.resolve({ stretches: null }) };
}

const storingMs = (expiring) => STORING_MS + expiring * STORING_EACH_MS;

/** How often a store that collects by itself does so, to be quiet before. */
export const gcIntervalMs = (expiring) => storingMs(expiring) + BETWEEN_PASSES_MS;

/** Stores `expiring` sessions that expire at one moment; the window begins with a collection. */
async function beginCollection(opened, expiring, bytes) {
  const expireAt = Date.now() + storingMs(expiring);
  opened.relax?.(true);
  await fill(
    opened.store,
    expiring,
    (number) => sessionId(EXPIRING_FROM + number),
    (number) => sessionBody(number, bytes, expireAt - Date.now()),
  );
  opened.relax?.(false);
  if (Date.now() >= expireAt) throw new Error("storing took longer than the sessions live");
  await delay(expireAt + ROUNDING_MS - Date.now());
  if (opened.passes) await passAhead(opened.passes);
  const collection = opened.passes ? ownPass(opened.passes) : collectNow(opened);
  return { over: heard(complete(collection, expiring)) };
}

/** Only a collection of all that had expired is one that counts. */
async function complete(collection, expiring) {
  const collected = await collection;
  if (collected.removed === expiring) return collected;
  throw new Error(`${collected.removed} of ${expiring} expired sessions were collected`);
}

/** Whoever waits for it hears of its failure; it may fail before anyone does. */
function heard(promise) {
  promise.catch(() => {});
  return promise;
}

async function collectNow(opened) {
  await delay(START_AFTER_MS);
  const from = now();
  const removed = await opened.collect();
  return { stretches: [[from, now()]], removed };
}

/** Returns a moment before the store's next pass. */
async function passAhead(passes) {
  for (;;) {
    const left = (await passes.nextAt()) - START_AFTER_MS - Date.now();
    if (left > 0) return delay(left);
    await delay(2 * START_AFTER_MS);
  }
}

async function ownPass(passes) {
  const { at, durationMs, removed } = await passes.next();
  const from = at + now() - Date.now();
  return { stretches: [[from, from + durationMs]], removed };
}

async function compactAgain(opened) {
  const stretches = [];
  const end = now() + COMPACTING_MS;
  await delay(START_AFTER_MS);
  do {
    const from = now();
    await opened.compact();
    stretches.push([from, now()]);
    await delay(50);
  } while (now() < end);
  return { stretches };
}
