/** Requests over HTTP: at a fixed rate, whatever the server does, or as fast as it answers. */
import { performance } from "node:perf_hooks";
import { Pool } from "undici";
import { setTimeout as delay } from "node:timers/promises";
import { now } from "./clock.js";
import { pace } from "./pacer.js";

/** Waiting for the answers to what was sent in a window. What stays away counts as unanswered. */
const DRAIN_MS = 10_000;

/** One connection a request in flight; what goes beyond waits in the client, and that counts. */
const MAX_CONNECTIONS = 256;

/**
 * @typedef {object} Sent
 * @property {[due: number, answered: number, error: string | null][]} requests unanswered ones have
 *   NaN for `answered`
 * @property {number} startedAt
 * @property {number} endedAt when nothing more was sent
 * @property {number} drainedAt when nothing more was waited for
 * @property {number | null} lateMs the greatest delay of a request by the sender itself
 * @property {number} busyPercent how busy the sender was until `endedAt`
 */

export class Load {
  #origin;
  #next;
  #pool;
  #end;

  /** `next()` makes a request: `{ options, accepts(status, headers, text) }`. */
  constructor(origin, next) {
    this.#origin = origin;
    this.#next = next;
  }

  /** Ends a window that has no end of its own. */
  halt() {
    this.#end();
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
   * One window, of so many seconds, or until it is halted if none are given.
   * @returns {Promise<Sent>}
   */
  async run({ rate, connections = MAX_CONNECTIONS, seconds }) {
    this.#pool = new Pool(this.#origin, { connections, pipelining: 1 });
    const halted = new Promise((resolve) => (this.#end = resolve));
    const loop = performance.eventLoopUtilization();
    const sending = rate
      ? this.#atRate(rate, seconds, halted)
      : this.#atFullSpeed(connections, seconds, halted);
    const { requests, ...times } = await sending;
    const busyPercent = 100 * performance.eventLoopUtilization(loop).utilization;
    const drainUntil = now() + DRAIN_MS;
    const open = () => requests.some(([, answered]) => Number.isNaN(answered));
    while (open() && now() < drainUntil) await delay(5);
    const sent = requests.map((request) => [...request]);
    await this.#pool.destroy();
    return { requests: sent, ...times, drainedAt: now(), busyPercent };
  }

  async #request(requests, due) {
    const request = [due, NaN, null];
    requests.push(request);
    request[2] = await this.#send();
    request[1] = now();
  }

  /** Open loop: request `i` is due at `i / perSecond`, is sent then, and counts from then. */
  async #atRate(perSecond, seconds = Infinity, halted) {
    const requests = [];
    const count = Math.round(perSecond * seconds);
    let lateMs = 0;
    const pacer = pace({
      perSecond,
      onTick: (due) => {
        if (requests.length === count) return this.#end();
        lateMs = Math.max(lateMs, now() - due);
        this.#request(requests, due);
      },
    });
    await halted;
    await pacer.stop();
    return { requests, startedAt: requests[0]?.[0] ?? now(), endedAt: now(), lateMs };
  }

  /** Closed loop: each of `connections` sends its next request when the last was answered. */
  async #atFullSpeed(connections, seconds, halted) {
    const requests = [];
    const startedAt = now();
    const timer = seconds === undefined ? undefined : setTimeout(this.#end, seconds * 1e3);
    let halting = false;
    const lane = async () => {
      while (!halting) await this.#request(requests, now());
    };
    for (let i = 0; i < connections; i++) lane();
    await halted;
    clearTimeout(timer);
    halting = true;
    return { requests, startedAt, endedAt: now(), lateMs: null };
  }
}
