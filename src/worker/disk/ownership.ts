/**
 * Passes on that the lock is lost, which may happen before there is a committer to refuse writes.
 */
import type { Report, StoreError } from "../../protocol/errors.js";
import type { Committer } from "./committer.js";

export class Ownership {
  readonly #report: Report;
  #lost: StoreError | null = null;
  #committer: Committer | null = null;

  constructor(report: Report) {
    this.#report = report;
  }

  lose(error: StoreError): void {
    this.#lost = error;
    this.#committer?.disown(error);
    this.#report(error);
  }

  handTo(committer: Committer): void {
    this.#committer = committer;
    if (this.#lost !== null) committer.disown(this.#lost);
  }
}
