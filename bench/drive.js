/** Calls to a store from the thread it was made on, a fixed number of them in flight. */
import { performance } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { Samples } from "./samples.js";

/** Calls of a store that answers at once, until the event loop gets its turn. */
const CALLS_PER_TURN = 64;

/**
 * Keeps `inFlight` calls in flight: `call(number, callback)` for each number that `next()` gives,
 * until that is undefined. A store that answers within the call is called in a loop, with a turn
 * of the event loop now and then, as it would get between requests.
 */
export function keepInFlight(inFlight, next, call) {
  return new Promise((resolve, reject) => {
    let lanes = inFlight;
    let failed = false;

    function lane() {
      let looping = false;
      let answered = false;
      let calls = 0;

      function step() {
        if (looping) {
          answered = true;
          return;
        }
        looping = true;
        do {
          const number = failed ? undefined : next();
          if (number === undefined) {
            if (--lanes === 0 && !failed) resolve();
            return;
          }
          answered = false;
          call(number, settled);
        } while (answered && ++calls % CALLS_PER_TURN !== 0);
        looping = false;
        if (answered) setImmediate(step);
      }

      function settled(error) {
        if (!error) return step();
        failed = true;
        reject(error);
      }

      step();
    }

    for (let i = 0; i < inFlight; i++) lane();
  });
}

/** Stores `count` sessions, `body(number)` as `sid(number)`. */
export async function fill(store, count, sid, body) {
  let number = 0;
  await keepInFlight(
    Math.min(256, count),
    () => (number < count ? number++ : undefined),
    (n, done) => store.set(sid(n), body(n), done),
  );
  await turn();
}

/** Gets and sets for `seconds`; `setShare` of the calls are sets. Latencies in milliseconds. */
export async function drive(store, { inFlight, setShare, seconds, sids, bodies, random }) {
  const gets = new Samples();
  const sets = new Samples();
  const end = performance.now() + seconds * 1e3;

  await keepInFlight(
    inFlight,
    () => (performance.now() < end ? Math.floor(random() * sids.length) : undefined),
    (number, done) => {
      const start = performance.now();
      if (random() < setShare) {
        store.set(sids[number], bodies[number], (error) => {
          sets.add(performance.now() - start);
          done(error);
        });
      } else {
        store.get(sids[number], (error, found) => {
          gets.add(performance.now() - start);
          done(error ?? (found ? null : new Error("a stored session was not found")));
        });
      }
    },
  );
  return { gets, sets };
}
