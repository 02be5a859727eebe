/**
 * The timers of the process, taken when the package is loaded: those that a test fakes later do not
 * stop the store. Everything in src takes them from here, as a rule of the linter demands.
 *
 * `Date` is not among them. Where the engine runs on the calling thread, sessions expire by the date
 * that a test has set.
 */
import * as timers from "node:timers";
import * as timersPromises from "node:timers/promises";

export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = timers;

/** One resolves in the next turn of the event loop, the other after so many milliseconds. */
export const { setImmediate: nextTurn, setTimeout: pause } = timersPromises;

export const nextTick = process.nextTick.bind(process);

/** Milliseconds since an arbitrary moment, unaffected by changes of the system time. */
export const monotonic = performance.now.bind(performance);
