/** Questions from the parent to a child process, over Node's own channel between the two. */
import { fork } from "node:child_process";
import { endWithThisProcess } from "./ending.js";

/** In the child: answers each question with `handlers[name](args)`; ends with the channel. */
export function answerWith(handlers) {
  process.on("message", async ({ id, name, args }) => {
    try {
      process.send({ id, value: await handlers[name](args) });
    } catch (error) {
      process.send({ id, error: error.stack ?? String(error) });
    }
  });
  process.on("disconnect", () => process.exit());
}

/** In the parent: a child process that answers questions. */
export class Child {
  #process;
  #asked = new Map();
  #ids = 0;
  #exited;

  constructor(script, env = {}) {
    this.#process = fork(new URL(script, import.meta.url), {
      env: { ...process.env, ...env },
      serialization: "advanced",
    });
    endWithThisProcess(this.#process);
    this.#process.on("message", ({ id, value, error }) => {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (error === undefined) asked?.resolve(value);
      else asked?.reject(new Error(error));
    });
    this.#exited = new Promise((resolve) => {
      this.#process.once("exit", (code, signal) => {
        const why = new Error(`the process ended (${signal ?? code}) without an answer`);
        for (const { reject } of this.#asked.values()) reject(why);
        resolve();
      });
    });
  }

  /** Rejects with what the child's handler threw, when it dies, and after `timeoutMs`. */
  ask(name, args, timeoutMs = 120_000) {
    const id = this.#ids++;
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no answer to ${name} within ${timeoutMs / 1e3} s`));
      const timer = setTimeout(late, timeoutMs);
      const settle = (settled) => (value) => {
        clearTimeout(timer);
        settled(value);
      };
      this.#asked.set(id, { resolve: settle(resolve), reject: settle(reject) });
      this.#process.send(
        { id, name, args },
        (error) => error && this.#asked.get(id)?.reject(error),
      );
    });
  }

  /** Ends it, and returns when it has ended. */
  async stop() {
    this.#process.kill("SIGKILL");
    await this.#exited;
  }
}
