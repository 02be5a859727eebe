/** Requests over HTTP: at a fixed rate, whatever the server does, or as fast as it answers. */
import { Pool } from "undici";
import { setTimeout as delay } from "node:timers/promises";
import { now } from "./clock.js";
import { pace } from "./pacer.js";

/** Waiting for the answers to what was sent in a window. What stays away counts as unanswered. */
const DRAIN_MS = 10_000;

/** One connection a request in flight; what goes beyond waits in the client, and that counts. */
const MAX_CONNECTIONS = 256;

export class Load {
  #origin;
  #pool;
  #next;

  /** `next()` makes a request: `{ options, accepts(status, headers, text) }`. */
  constructor(origin, next) {
    this.#origin = origin;
    this.#next = next;
  }

  /** Settles with the error, if any: a refused connection, a wrong answer. */
  #send() {
    const { options, accepts } = this.#next();
    return new Promise((resolve) => {
      let status;
      let headers;
      let text = "";
      this.#pool.dispatch(options, {
        onRequestStart() {},
        onResponseStart(controller, statusCode, received) {
          status = statusCode;
          headers = received;
        },
        onResponseData(controller, chunk) {
          text += chunk.toString("latin1");
        },
        onResponseEnd() {
          resolve(accepts(status, headers, text) ? null : `HTTP ${status}: ${text.slice(0, 80)}`);
        },
        onResponseError(controller, error) {
          resolve(error.message);
        },
      });
    });
  }

  /**
   * Open loop: request `i` is due at `i / perSecond`, is sent then, and its latency counts from
   * then. Answers every request as `[due, answered, error]`, unanswered ones without `answered`.
   */
  async atRate(perSecond, seconds) {
    this.#pool = new Pool(this.#origin, { connections: MAX_CONNECTIONS, pipelining: 1 });
    const requests = [];
    let open = 0;
    let lateMs = 0;
    const pacer = pace({
      perSecond,
      ticks: Math.round(perSecond * seconds),
      onTick: (due) => {
        const request = [due, NaN, null];
        requests.push(request);
        open++;
        lateMs = Math.max(lateMs, now() - due);
        this.#send().then((error) => {
          request[1] = now();
          request[2] = error;
          open--;
        });
      },
    });
    await pacer.ended;
    for (const end = now() + DRAIN_MS; open > 0 && now() < end;) await delay(5);
    const answered = requests.map((request) => [...request]);
    await this.#pool.destroy();
    return { requests: answered, endedAt: now(), lateMs };
  }

  /** Closed loop: each of `connections` sends its next request when the last was answered. */
  async atFullSpeed(connections, seconds) {
    this.#pool = new Pool(this.#origin, { connections, pipelining: 1 });
    const requests = [];
    const end = now() + seconds * 1e3;
    const lane = async () => {
      for (let sent = now(); sent < end; sent = now()) {
        const error = await this.#send();
        requests.push([sent, now(), error]);
      }
    };
    await Promise.all(Array.from({ length: connections }, lane));
    await this.#pool.destroy();
    return { requests, endedAt: now(), lateMs: 0 };
  }
}
