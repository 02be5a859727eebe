/**
 * The floor: the least that a store in another thread costs. The same JSON text crosses a bare
 * MessagePort to a worker that keeps it in a Map: the gets of one tick in one message, the sets in
 * another. No cipher, no expiry, no errors: little of what a store must do.
 */
import { Worker } from "node:worker_threads";

export class EchoStore {
  #worker;
  #gets = new Lane((sids) => this.#worker.postMessage({ sids }));
  #sets = new Lane((pairs) => this.#worker.postMessage({ pairs }));

  /** With a `file`, sets are answered when it has their text, fsynced; else there is no disk. */
  constructor(file) {
    this.#worker = new Worker(new URL("./echo-worker.js", import.meta.url), { workerData: file });
    this.#worker.on("message", ({ texts, stored }) => {
      if (texts) this.#gets.settle(texts.map((text) => text && JSON.parse(text)));
      else this.#sets.settle(new Array(stored).fill(null));
    });
  }

  get(sid, callback) {
    this.#gets.add(sid, callback);
  }

  set(sid, session, callback) {
    this.#sets.add([sid, JSON.stringify(session)], callback);
  }

  async close() {
    await this.#worker.terminate();
  }
}

/** Calls of one kind: sent at the end of the tick, answered in their order. */
class Lane {
  #send;
  #calls = [];
  #callbacks = [];

  constructor(send) {
    this.#send = send;
  }

  add(call, callback) {
    this.#callbacks.push(callback);
    if (this.#calls.push(call) > 1) return;
    process.nextTick(() => {
      this.#send(this.#calls);
      this.#calls = [];
    });
  }

  /** The first so many calls that are not settled get these answers. */
  settle(answers) {
    const callbacks = this.#callbacks.splice(0, answers.length);
    for (const [index, callback] of callbacks.entries()) callback(null, answers[index]);
  }
}
