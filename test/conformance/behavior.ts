/** Owns what the tests of a topic are made from. */
import type { Differences } from "./differences.js";
import type { Subject, SubjectOptions } from "./subject.js";

export interface Behavior extends Pick<Differences, "needs" | "lacks"> {
  /** A store of the running test's own, whose methods are called in one form. */
  readonly open: (options?: SubjectOptions) => Subject;
}
