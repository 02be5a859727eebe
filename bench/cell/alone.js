/** Process: a store alone, with a fixed number of calls in flight. */
import { performance } from "node:perf_hooks";
import { seededRandom } from "../../test/support/random.js";
import { closedLoop, forSeconds, warming } from "../load/loops.js";
import { threadUs } from "../load/processor.js";
import { sessionBody, sessionId } from "../load/sessions.js";
import { Latencies, now } from "../load/time.js";
import { answer } from "../process.js";
import { SLOW_MS } from "../slow-disk/index.js";
import { contenderOf } from "../stores/index.js";
import { prepared } from "../stores/prepared.js";

const WARM_SECONDS = 3;

/** @param {import("../cells.js").Task & typeof import("../cells.js").IDLE} task */
export async function measureAlone(task, contender = contenderOf(task.contender)) {
  const { store, close } = await prepared(contender, task);
  const random = seededRandom(1);
  const sids = Array.from({ length: task.sessions }, (_, number) => sessionId(number));
  const bodies = sids.map((_, number) => sessionBody(number));

  const pick = () => random.integer(task.sessions);

  async function drive(/** @type {() => number | undefined} */ next) {
    const [gets, sets] = [new Latencies(), new Latencies()];
    await closedLoop(task.inFlight, next, (number, done) => {
      const sid = sids[number] ?? "";
      const writes = random.integer(100) < task.sets;
      // A store may spare a set that changes nothing.
      if (writes) bodies[number].views++;
      const start = now();
      const settled = (/** @type {any} */ error, found = /** @type {any} */ (null)) => {
        (writes ? sets : gets).add(now() - start);
        done(error ?? (writes || found ? null : new Error("a stored session was not found")));
      };
      if (writes) store.set(sid, bodies[number], settled);
      else store.get(sid, settled);
    });
    return { gets, sets, calls: gets.count + sets.count };
  }

  await drive(warming(task.warm, WARM_SECONDS, pick));
  const [start, cpu, loop] = [now(), process.cpuUsage(), performance.eventLoopUtilization()];
  const mainStart = threadUs();
  const { gets, sets, calls } = await drive(forSeconds(task.seconds, pick));
  const { user, system } = process.cpuUsage(cpu);
  const mainCpu = threadUs() - mainStart;
  const busyMs = performance.eventLoopUtilization(loop).active;
  const callsPerSecond = calls / ((now() - start) / 1e3);
  await close();

  if (task.slow && contender.guarantee === "disk" && sets.min < SLOW_MS) {
    throw new Error(`a set took ${sets.min} ms: it did not wait for its fsync`);
  }
  return {
    callsPerSecond,
    mainUs: (busyMs * 1e3) / calls,
    mainCpuUs: mainCpu / calls,
    cpuUs: (user + system) / calls,
    getP50: gets.percentile(50),
    setP50: sets.percentile(50),
  };
}

await answer(import.meta.url, (task) => measureAlone(task));
