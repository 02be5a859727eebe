/** Child process: an express application with one store. */
import { checked } from "./check.js";
import { begin } from "./conditions.js";
import { CONTENDERS } from "./contenders.js";
import { fill } from "./drive.js";
import { answerWith } from "./message.js";
import { Probe } from "./probe.js";
import { application, SCENARIOS } from "./scenarios.js";
import { sessionBody, sessionId } from "./sessions.js";

let opened;
let bytes;
let probe;
let server;
let running;

answerWith({
  /** Opens, checks, fills unless the directory came filled, and listens. */
  async prepare({ contender, at, scenario, sessions, filled }) {
    bytes = SCENARIOS[scenario].bytes;
    opened = await checked(CONTENDERS[contender], at);
    if (!filled) {
      opened.relax?.(true);
      await fill(opened.store, sessions, sessionId, (number) => sessionBody(number, bytes));
      opened.relax?.(false);
    }
    probe = new Probe({ lag: true });
    server = application(opened.store, bytes).listen(0, "127.0.0.1");
    await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
    return server.address().port;
  },

  async start({ condition, expiring }) {
    running = await begin(condition, opened, { expiring, bytes });
    probe.start();
  },

  /** Settles when the condition of the window has ended, if there is one. */
  async over() {
    await running.over;
  },

  async stop() {
    const { stretches, removed } = await running.over;
    return { ...probe.stop(stretches), stretches, removed };
  },

  async finish() {
    server.close();
    server.closeAllConnections();
    await probe.close();
    await opened.close();
  },
});
