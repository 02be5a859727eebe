/** Process: the clients of one server. */
import { setTimeout as delay } from "node:timers/promises";
import { seededRandom } from "../../test/support/random.js";
import { answer } from "../process.js";
import { closedLoop, forSeconds, openLoop, warming } from "./loops.js";
import { cookieOf } from "./sessions.js";
import { now } from "./time.js";

const LANES = 64;
const WARM_SECONDS = 12;
const BURSTS_PER_SECOND = 6;
/** Beyond as many, requests wait in the client, and that counts. */
const MAX_CONNECTIONS = 256;

/** @typedef {(path: string, headers: Record<string, string>) => Promise<[status: number, text: string]>} Ask */

/** Asks a server, over connections that are kept. @param {number} port @returns {Promise<Ask>} */
async function asking(port) {
  const { Pool } = await import("undici");
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: MAX_CONNECTIONS });
  return async (path, headers) => {
    const { statusCode, body } = await pool.request({ path, method: "GET", headers });
    return [statusCode, await body.text()];
  };
}

/**
 * @typedef {typeof import("../cells.js").WRITE & { seconds: number, processes?: number }} Task
 * @param {Task} task @param {Ask} ask
 */
export async function measureClients(
  { sessions, perSecond, writes, burst, seconds, ...task },
  ask,
) {
  const cookies = Array.from({ length: sessions }, (_, number) => cookieOf(number));
  const random = seededRandom(1);
  const pick = () => random.integer(sessions);

  /** @param {string} path @param {number} number that must be answered @param {string} [cookie] */
  async function request(path, number, cookie) {
    const [status, text] = await ask(path, cookie ? { cookie } : {});
    if (status === 200 && text === String(number)) return;
    throw new Error(`HTTP ${status}: ${text.slice(0, 80)}`);
  }
  const visit = (number = pick()) =>
    request(random.integer(100) < writes ? "/write" : "/read", number, cookies[number]);
  const logins = () =>
    Promise.all(Array.from({ length: burst }, pick).map((n) => request(`/login/${n}`, n)));

  /** Each lane waits for its answer. @param {() => number | undefined} next */
  async function fullSpeed(next, answered = () => {}) {
    await closedLoop(LANES, next, (number, done) => {
      visit(number).then(() => (answered(), done()), done);
    });
  }
  async function answeredPerSecond() {
    const end = now() + seconds * 1e3;
    let answered = 0;
    await fullSpeed(forSeconds(seconds, pick), () => now() < end && answered++);
    return answered / seconds;
  }

  await fullSpeed(warming(task.warm * (task.processes ?? 1), WARM_SECONDS, pick));
  // Before the requests at a fixed rate: after those, full speed takes seconds to come back.
  const requestsPerSecond = await answeredPerSecond();
  const until = delay(seconds * 1e3);
  const rate = { perSecond: BURSTS_PER_SECOND, until, send: logins };
  const bursts = burst > 0 ? openLoop(rate) : undefined;
  const visits = await openLoop({ perSecond, until, send: () => visit() });
  const latencies = visits.latencies();
  const figures = {
    p50: latencies.percentile(50),
    p99: latencies.percentile(99),
    loginP50: (await bursts)?.latencies().percentile(50),
    requestsPerSecond,
  };
  return { from: visits.from, to: visits.to, figures };
}

await answer(import.meta.url, async (task) => measureClients(task, await asking(task.port)));
