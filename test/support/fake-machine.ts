/** Owns processes in tests: a machine on which they start and end. Each is one that was restarted. */
import type { ProcessTable } from "../../src/worker/ports/process-table.js";

/** Given out again after each restart. */
const FIRST_PID = 100;

let boots = 0;

export class FakeMachine {
  readonly #host: string;
  readonly #boot = ++boots;
  #nextPid = FIRST_PID;
  /** When each process that lives was started. */
  readonly #starts = new Map<number, string>();

  constructor(host = "host") {
    this.#host = host;
  }

  /** Starts a process. @returns what it sees */
  start(): ProcessTable {
    const pid = this.#nextPid++;
    this.#starts.set(pid, `${this.#boot}.${pid}`);
    return {
      pid,
      host: this.#host,
      space: `boot ${this.#boot}`,
      isAlive: async (other) => this.#starts.has(other),
      startOf: async (other) => this.#starts.get(other) ?? null,
    };
  }

  end(pid: number): void {
    this.#starts.delete(pid);
  }
}
