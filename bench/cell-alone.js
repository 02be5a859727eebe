/** Child process: one store, called on its own, a fixed number of calls in flight. */
import { checked } from "./check.js";
import { CONTENDERS } from "./contenders.js";
import { drive, fill } from "./drive.js";
import { answerWith } from "./message.js";
import { Probe } from "./probe.js";
import { seededRandom, sessionBody, sessionIds } from "./sessions.js";

let opened;
let load;

answerWith({
  async prepare({ contender, at, sessions, bytes, inFlight, setShare }) {
    opened = await checked(CONTENDERS[contender], at);
    const sids = sessionIds(sessions);
    const bodies = sids.map((_, number) => sessionBody(number, bytes));
    opened.relax?.(true);
    await fill(
      opened.store,
      sessions,
      (number) => sids[number],
      (number) => bodies[number],
    );
    opened.relax?.(false);
    load = { inFlight, setShare, sids, bodies, random: seededRandom(inFlight) };
  },

  async warm({ seconds }) {
    await drive(opened.store, { ...load, seconds });
  },

  async measure({ seconds }) {
    const probe = new Probe({ lag: false });
    probe.start();
    const { gets, sets } = await drive(opened.store, { ...load, seconds });
    const { wallMs, busyMs, cpuMs, processCpuMs, rssBytes } = probe.stop();
    const calls = gets.count + sets.count;
    const get = gets.summary();
    const set = sets.summary();
    return {
      callsPerSecond: calls / (wallMs / 1e3),
      mainUs: (busyMs * 1e3) / calls,
      mainCpuUs: (cpuMs * 1e3) / calls,
      processCpuUs: (processCpuMs * 1e3) / calls,
      getP50: get.p50,
      getP99: get.p99,
      getMax: get.max,
      setP50: set.p50,
      setP99: set.p99,
      setMax: set.max,
      rssBytes,
    };
  },

  async finish() {
    await opened.close();
  },
});
