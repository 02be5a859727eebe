/** Child process: the clients of one server. */
import { Load } from "./http-load.js";
import { answerWith } from "./message.js";
import { requests, SCENARIOS } from "./scenarios.js";
import { Samples } from "./samples.js";
import { seededRandom } from "./sessions.js";
import { lengthOf, meets } from "./stretches.js";

let load;
let sent;

answerWith({
  prepare({ port, scenario, sessions }) {
    const next = requests(SCENARIOS[scenario], sessions, seededRandom(1));
    load = new Load(`http://127.0.0.1:${port}`, next);
  },

  async run(window) {
    sent = await load.run(window);
  },

  /** Ends a window that was given no length. */
  halt() {
    load.halt();
  },

  /** What came of the last window, or of its part that met one of the stretches of time. */
  summarize({ stretches }) {
    const counted = stretches ?? [[sent.startedAt, sent.endedAt]];
    const latencies = new Samples();
    let failed = 0;
    let unanswered = 0;
    let firstError = null;
    let answeredMeanwhile = 0;
    for (const [due, answered, error] of sent.requests) {
      if (!meets(stretches, due, answered || Infinity)) continue;
      if (error) {
        failed++;
        firstError ??= error;
      } else if (Number.isNaN(answered)) {
        // At least this long.
        latencies.add(sent.drainedAt - due);
        unanswered++;
      } else {
        latencies.add(answered - due);
        if (meets(counted, answered, answered)) answeredMeanwhile++;
      }
    }
    const { count, p50, p99, p999, max } = latencies.summary();
    return {
      requestsPerSecond: answeredMeanwhile / (lengthOf(counted) / 1e3),
      count,
      p50,
      p99,
      p999,
      max,
      failed,
      unanswered,
      firstError,
      loadBusyPercent: sent.busyPercent,
      sentLateMs: sent.lateMs,
    };
  },
});
