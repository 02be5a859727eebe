/** Process: the clients of one server. */
import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "undici";
import { seededRandom } from "../../test/support/random.js";
import { answer } from "../process.js";
import { closedLoop, forSeconds, openLoop } from "./loops.js";
import { cookieOf } from "./sessions.js";
import { now } from "./time.js";

const LANES = 64;
const WARM_SECONDS = 0.5;
const BURSTS_PER_SECOND = 6;
/** Beyond as many, requests wait in the client, and that counts. */
const MAX_CONNECTIONS = 256;

/** @param {typeof import("../cells.js").WRITE & { port: number, seconds: number }} task */
async function measureClients({ port, sessions, perSecond, writes, burst, seconds }) {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: MAX_CONNECTIONS });
  const cookies = Array.from({ length: sessions }, (_, number) => cookieOf(number));
  const random = seededRandom(1);
  const pick = () => random.integer(sessions);

  /** @param {string} path @param {number} number that must be answered @param {string} [cookie] */
  async function request(path, number, cookie) {
    const headers = cookie ? { cookie } : {};
    const { statusCode, body } = await pool.request({ path, method: "GET", headers });
    const text = await body.text();
    if (statusCode === 200 && text === String(number)) return;
    throw new Error(`HTTP ${statusCode}: ${text.slice(0, 80)}`);
  }
  const visit = (number = pick()) =>
    request(random.integer(100) < writes ? "/write" : "/read", number, cookies[number]);
  const logins = () =>
    Promise.all(Array.from({ length: burst }, pick).map((n) => request(`/login/${n}`, n)));

  /** Requests a second, each lane waiting for its answer. @param {number} duration */
  async function fullSpeed(duration) {
    const end = now() + duration * 1e3;
    let answered = 0;
    await closedLoop(LANES, forSeconds(duration, pick), (number, done) => {
      visit(number).then(() => {
        if (now() < end) answered++;
        done();
      }, done);
    });
    return answered / duration;
  }

  await fullSpeed(WARM_SECONDS);
  const until = delay(seconds * 1e3);
  const rate = { perSecond: BURSTS_PER_SECOND, until, send: logins };
  const bursts = burst > 0 ? openLoop(rate) : undefined;
  const visits = await openLoop({ perSecond, until, send: () => visit() });
  const latencies = visits.latencies();
  const figures = {
    p50: latencies.percentile(50),
    p99: latencies.percentile(99),
    loginP50: (await bursts)?.latencies().percentile(50),
    requestsPerSecond: await fullSpeed(seconds / 2),
  };
  return { from: visits.from, to: visits.to, figures };
}

await answer(import.meta.url, measureClients);
