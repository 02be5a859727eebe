/** A promise that knows whether anybody looks at it. */
import { isErrorLike, type Report } from "../protocol/errors.js";
import { nextTick } from "../protocol/timers.js";

/**
 * A failure that nobody looks at is reported, and does not end the process as an unhandled rejection
 * would. `then`, `catch`, `finally`, `await`, `Promise.all` and their like all count as a look.
 */
export class ObservedPromise<T> extends Promise<T> {
  #isObserved = false;

  /** What `then` returns is an ordinary promise: it is for those who look to handle it. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Settles as `promise` does. */
  static of<T>(promise: Promise<T>, report: Report<Error>): ObservedPromise<T> {
    const observed = new ObservedPromise<T>((resolve, reject) => {
      promise.then(resolve, reject);
    });
    observed.#reportUnseen(report);
    return observed;
  }

  override then<Value = T, Reason = never>(
    onValue?: ((value: T) => Value | PromiseLike<Value>) | null,
    onError?: ((reason: unknown) => Reason | PromiseLike<Reason>) | null,
  ): Promise<Value | Reason> {
    this.#isObserved = true;
    return super.then(onValue, onError);
  }

  #reportUnseen(report: Report<Error>): void {
    super.then(undefined, (error: unknown) => {
      // Once all microtasks are done, as Node finds unhandled rejections: `await` takes one.
      nextTick(() => {
        if (this.#isObserved) return;
        report(isErrorLike(error) ? error : new Error(String(error)));
      });
    });
  }
}
