/**
 * The floor: the least that a store in another thread costs. The same JSON text crosses a bare
 * MessagePort, the calls of one tick in one message, to a worker that keeps it in a Map. No disk,
 * no cipher, no expiry, no errors: nothing that a store must do.
 */
import { Worker } from "node:worker_threads";

export class EchoStore {
  #worker = new Worker(new URL("./echo-worker.js", import.meta.url));
  #calls = [];
  #callbacks = [];

  constructor() {
    this.#worker.on("message", (answers) => {
      const callbacks = this.#callbacks.shift();
      for (let i = 0; i < answers.length; i++) {
        const answer = answers[i];
        callbacks[i](null, answer === null ? null : JSON.parse(answer));
      }
    });
  }

  get(sid, callback) {
    this.#send(sid, callback);
  }

  set(sid, session, callback) {
    this.#send([sid, JSON.stringify(session)], callback);
  }

  #send(call, callback) {
    if (this.#calls.push(call) === 1) {
      this.#callbacks.push([]);
      process.nextTick(() => {
        this.#worker.postMessage(this.#calls);
        this.#calls = [];
      });
    }
    this.#callbacks.at(-1).push(callback);
  }

  async close() {
    await this.#worker.terminate();
  }
}
