/** Callback style over promises: one promise, exactly one call of a callback. */

import type { Report } from "../protocol/errors.js";
import { nextTick } from "../protocol/timers.js";
import { ObservedPromise } from "./observed-promise.js";

/** The callback of express-session: an error, or null and the result. */
export type Callback<T> = (error: unknown, result?: T) => void;

/**
 * Delivers the outcome of a promise to a callback; without one, returns a promise of it, whose
 * failure is reported if nobody looks at it.
 *
 * The callback is called on a later tick and outside the promise, so that an exception in it
 * belongs to the caller: it is not caught here, and causes no second call.
 * @throws TypeError if the callback is not a function
 */
export function deliver<T>(
  promise: Promise<T>,
  callback: Callback<T> | null | undefined,
  report: Report<Error>,
): Promise<T> | undefined {
  if (callback === undefined || callback === null) return ObservedPromise.of(promise, report);
  if (typeof callback !== "function") {
    promise.catch(() => undefined);
    throw new TypeError(`the callback must be a function, got a value of type ${typeof callback}`);
  }
  promise.then(
    (result) => {
      nextTick(callback, null, result);
    },
    (error: unknown) => {
      nextTick(callback, error);
    },
  );
  return undefined;
}
