/**
 * Owns what any express-session store must do, as a function of a factory: a file for each topic.
 * Knows no implementation: where one is known to do otherwise, that difference is named.
 */
import { describe, expect, it, onTestFinished } from "vitest";
import { wrongArguments } from "./arguments.js";
import type { Behavior } from "./behavior.js";
import { callbacks } from "./callbacks.js";
import { destroy } from "./destroy.js";
import { type Difference, Differences } from "./differences.js";
import { expiry } from "./expiry.js";
import { getAndSet } from "./get-and-set.js";
import { large } from "./large.js";
import { listing } from "./listing.js";
import { order } from "./order.js";
import { promises } from "./promises.js";
import { states } from "./states.js";
import { type Form, type StoreFactory, Subject } from "./subject.js";
import { touch } from "./touch.js";

export interface SuiteOptions {
  /** What the store lacks. */
  readonly differences?: readonly Difference[];
  /** Whether a session of 20 MB is stored as well, which takes a while. */
  readonly veryLarge?: boolean;
}

/** Runs the behavior of a store over what `factory` makes. */
export function storeSuite(
  name: string,
  factory: StoreFactory,
  { differences: named = [], veryLarge = false }: SuiteOptions = {},
): void {
  const differences = new Differences(named);
  const { needs, lacks } = differences;
  const calledBy = (form: Form): Behavior => ({
    needs,
    lacks,
    open(options) {
      const subject = new Subject(factory, form, options);
      onTestFinished(() => subject.release());
      return subject;
    },
  });

  const forms: readonly Form[] = factory.forms ?? ["callback", "promise"];

  describe(name, () => {
    describe.each(forms)("answering by %s", (form) => {
      for (const topic of [getAndSet, destroy, touch, expiry, listing]) topic(calledBy(form));
      for (const topic of [order, wrongArguments, states]) topic(calledBy(form));
    });
    promises(calledBy("promise"));
    callbacks(calledBy("callback"));
    large(calledBy("callback"), veryLarge ? [1, 20] : [1]);

    it("differs in nothing but what the tests above prove", () => {
      expect(differences.unproved).toEqual([]);
    });
  });
}
