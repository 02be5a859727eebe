/** Child process: gets at a fixed rate from a store with many sessions, on its own. */
import { setTimeout as delay } from "node:timers/promises";
import { begin, meets } from "./conditions.js";
import { checked } from "./check.js";
import { now } from "./clock.js";
import { CONTENDERS } from "./contenders.js";
import { fill } from "./drive.js";
import { answerWith } from "./message.js";
import { pace } from "./pacer.js";
import { Probe } from "./probe.js";
import { Samples } from "./samples.js";
import { seededRandom, sessionBody, sessionId, sessionIds } from "./sessions.js";

/** As many of the sessions are asked for, at random. */
const ASKED_FOR = 20_000;

/** Waiting for the last answers. */
const DRAIN_MS = 10_000;

let opened;
let probe;
let sids;
let size;
const random = seededRandom(1);

answerWith({
  async prepare({ contender, at, sessions, bytes, filled }) {
    opened = await checked(CONTENDERS[contender], at);
    if (!filled) await fill(opened.store, sessions, sessionId, (n) => sessionBody(n, bytes));
    sids = sessionIds(Math.min(sessions, ASKED_FOR));
    size = bytes;
    probe = new Probe({ lag: true });
  },

  async measure({ perSecond, seconds, condition, expiring }) {
    const gets = [];
    let open = 0;
    let failure;
    const running = await begin(condition, opened, { expiring, bytes: size });
    probe.start();
    const pacer = pace({
      perSecond,
      ticks: Math.round(perSecond * seconds),
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
    await pacer.ended;
    for (const end = now() + DRAIN_MS; open > 0 && now() < end;) await delay(1);
    const { lag, lagSeries, rssBytes } = probe.stop();
    const { stretches, removed } = await running.end();
    if (failure) throw failure;
    const latencies = new Samples();
    for (const [due, answered] of gets) {
      if (meets(stretches, due, answered || Infinity)) latencies.add((answered || now()) - due);
    }
    const stretchMs = stretches?.reduce((sum, [from, to]) => sum + to - from, 0);
    const passes = stretches?.length;
    return { ...latencies.summary(), lag, lagSeries, rssBytes, stretchMs, passes, removed };
  },

  async finish() {
    await probe.close();
    await opened.close();
  },
});
