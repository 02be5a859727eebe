/** Child process: the clients of one server. */
import { meets } from "./conditions.js";
import { Load } from "./http-load.js";
import { answerWith } from "./message.js";
import { requests, SCENARIOS } from "./scenarios.js";
import { Samples } from "./samples.js";
import { seededRandom } from "./sessions.js";

let load;
let sent;
let seconds;

answerWith({
  prepare({ port, scenario, sessions }) {
    const next = requests(SCENARIOS[scenario], sessions, seededRandom(port));
    load = new Load(`http://127.0.0.1:${port}`, next);
  },

  async run(window) {
    seconds = window.seconds;
    sent = window.rate
      ? await load.atRate(window.rate, seconds)
      : await load.atFullSpeed(window.connections, seconds);
  },

  /** What came of the last window, or of its part that met one of the stretches of time. */
  summarize({ stretches }) {
    const latencies = new Samples();
    let failed = 0;
    let unanswered = 0;
    let firstError = null;
    const windowEnd = sent.requests.reduce((end, [due]) => Math.max(end, due), 0);
    let answeredInTime = 0;
    for (const [due, answered, error] of sent.requests) {
      if (!meets(stretches, due, answered || Infinity)) continue;
      if (error) {
        failed++;
        firstError ??= error;
      } else if (Number.isNaN(answered)) {
        // At least this long.
        latencies.add(sent.endedAt - due);
        unanswered++;
      } else {
        latencies.add(answered - due);
        if (answered <= windowEnd) answeredInTime++;
      }
    }
    const { count, p50, p99, p999, max } = latencies.summary();
    return {
      requestsPerSecond: stretches === null ? answeredInTime / seconds : null,
      count,
      p50,
      p99,
      p999,
      max,
      failed,
      unanswered,
      firstError,
      senderLateMs: sent.lateMs,
    };
  },
});
