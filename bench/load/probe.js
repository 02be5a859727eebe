/** How long events wait for the event loop. */
import { startPacer } from "./pacer.js";
import { Latencies, now } from "./time.js";

const PER_SECOND = 1000;

/**
 * Another thread sends this one an event a thousand times a second, stamped. A stall delays every
 * event that comes in during it, so that percentiles are of time, not of stalls. Returns a function
 * that gives the delays of the events that were sent between two moments.
 */
export function startProbe(pace = startPacer, clock = now) {
  const events = /** @type {[sent: number, received: number][]} */ ([]);
  pace(PER_SECOND, (_due, sent) => events.push([sent, clock()]));
  return (/** @type {number} */ from, /** @type {number} */ to) => {
    const delays = new Latencies();
    for (const [sent, received] of events) {
      if (sent >= from && sent < to) delays.add(received - sent);
    }
    return delays;
  };
}
