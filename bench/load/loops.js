/** The two ways to load: at a fixed rate whatever is answered, and as fast as it is answered. */
import { setTimeout as delay } from "node:timers/promises";
import { startPacer } from "./pacer.js";
import { Latencies, now } from "./time.js";

/** Calls of a lane that is answered within the call, until the event loop gets its turn. */
const CALLS_PER_TURN = 64;

/**
 * Open loop: calls `send` at a fixed rate until `until` resolves, and waits for the answers; rejects
 * if one of them does. A request counts from the moment it was due, so that a stall which delays the
 * sending, of the server or of the sender, counts as well. `drainMs`: how long answers are waited for.
 * @param {{ perSecond: number, until: Promise<unknown>, send: () => Promise<unknown>,
 *   drainMs?: number, pace?: import("./pacer.js").Pacer, clock?: () => number }} options
 */
export async function openLoop({ perSecond, until, send, drainMs = 10_000, ...world }) {
  const { pace = startPacer, clock = now } = world;
  const requests = /** @type {{ due: number, answered: number }[]} */ ([]);
  const answers = /** @type {Promise<void>[]} */ ([]);
  const from = clock();
  const pacer = pace(perSecond, (due) => {
    const request = { due, answered: Infinity };
    requests.push(request);
    const answer = send().then(() => void (request.answered = clock()));
    answer.catch(() => {});
    answers.push(answer);
  });
  await until;
  await pacer.stop();
  const to = clock();
  await Promise.race([Promise.all(answers), delay(drainMs, undefined, { ref: false })]);
  const drained = clock();

  /** Of the requests that were under way between two moments, answered or not. */
  function latencies(start = from, end = drained) {
    const them = new Latencies();
    for (const { due, answered } of requests) {
      if (due <= end && answered >= start) them.add(Math.min(answered, drained) - due);
    }
    return them;
  }
  return { from, to, latencies };
}

/**
 * Closed loop: lanes that call with each number that `next` gives, one call after the other, until
 * it gives none and all are answered.
 * @param {number} lanes @param {() => number | undefined} next
 * @param {(number: number, callback: (error?: unknown) => void) => void} call
 * @returns {Promise<void>}
 */
export function closedLoop(lanes, next, call) {
  return new Promise((resolve, reject) => {
    let running = lanes;
    function lane() {
      for (let calls = 0; calls < CALLS_PER_TURN; calls++) {
        const number = next();
        if (number === undefined) return --running === 0 && resolve();
        let [answered, returned] = [false, false];
        call(number, (error) => {
          if (error) return reject(error);
          answered = true;
          if (returned) lane();
        });
        returned = true;
        if (!answered) return;
      }
      setImmediate(lane);
    }
    for (let i = 0; i < lanes; i++) lane();
  });
}

/**
 * What `pick` gives, so many times: what V8 has not compiled yet counts for nobody then. Not for longer
 * than so many seconds, which a slow store would need.
 * @param {number} calls @param {number} seconds @param {() => number} pick
 */
export function warming(calls, seconds, pick) {
  const inTime = forSeconds(seconds, pick);
  let left = calls;
  return () => (left-- > 0 ? inTime() : undefined);
}

/** What `pick` gives, for so many seconds. @param {number} seconds @param {() => number} pick */
export function forSeconds(seconds, pick) {
  const end = now() + seconds * 1e3;
  return () => (now() < end ? pick() : undefined);
}
