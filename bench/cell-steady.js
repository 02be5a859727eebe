/** Child process: gets at a fixed rate from a store with many sessions, on its own. */
import { setTimeout as delay } from "node:timers/promises";
import { begin } from "./conditions.js";
import { checked } from "./check.js";
import { now } from "./clock.js";
import { CONTENDERS } from "./contenders.js";
import { answerWith } from "./message.js";
import { pace } from "./pacer.js";
import { Probe } from "./probe.js";
import { Samples } from "./samples.js";
import { seededRandom, sessionIds } from "./sessions.js";
import { lengthOf, meets } from "./stretches.js";

/** As many of the sessions are asked for, at random. */
const ASKED_FOR = 20_000;

/** Waiting for the last answers. */
const DRAIN_MS = 10_000;

let opened;
let probe;
let sids;
let bytes;
const random = seededRandom(1);

/** Gets as `[due, answered]` until `over` settles, at least for `seconds`. */
async function getAtRate(perSecond, seconds, over) {
  const gets = [];
  let open = 0;
  let failure;
  const pacer = pace({
    perSecond,
    onTick(due) {
      const get = [due, NaN];
      gets.push(get);
      open++;
      opened.store.get(sids[Math.floor(random() * sids.length)], (error, found) => {
        get[1] = now();
        open--;
        if (error || !found) failure ??= error ?? new Error("a stored session was not found");
      });
    },
  });
  try {
    await Promise.all([over, delay(seconds * 1e3)]);
  } finally {
    await pacer.stop();
  }
  for (const end = now() + DRAIN_MS; open > 0 && now() < end;) await delay(1);
  if (failure) throw failure;
  return gets;
}

answerWith({
  async prepare({ contender, at, sessions, bytes: sessionBytes }) {
    opened = await checked(CONTENDERS[contender], at);
    sids = sessionIds(Math.min(sessions, ASKED_FOR));
    bytes = sessionBytes;
    probe = new Probe({ lag: true });
  },

  async measure({ perSecond, seconds, condition, expiring }) {
    const { over } = await begin(condition, opened, { expiring, bytes });
    probe.start();
    const gets = await getAtRate(perSecond, seconds, over);
    const { stretches, removed } = await over;
    const { lagP99, lagMax, lagSeries, rssBytes } = probe.stop(stretches);
    const latencies = new Samples();
    for (const [due, answered] of gets) {
      if (meets(stretches, due, answered || Infinity)) latencies.add((answered || now()) - due);
    }
    const stretchMs = stretches ? lengthOf(stretches) : null;
    return { ...latencies.summary(), lagP99, lagMax, lagSeries, rssBytes, stretchMs, removed };
  },

  async finish() {
    await probe.close();
    await opened.close();
  },
});
