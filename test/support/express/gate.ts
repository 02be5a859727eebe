/** Owns requests that wait, so that a test decides what happens while they are under way. */
import type { RequestHandler } from "express";

export class Gate {
  #enter!: () => void;
  #open!: () => void;

  /** Resolves when a request has its session and waits. */
  readonly entered = new Promise<void>((resolve) => (this.#enter = resolve));
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve));

  readonly handler: RequestHandler = (_request, _response, next) => {
    this.#enter();
    void this.#opened.then(() => next());
  };

  open(): void {
    this.#open();
  }
}
