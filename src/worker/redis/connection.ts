/**
 * One connection to one master, from its opening to its loss; it is never opened again. Where an
 * acknowledgement asks for more than the memory of the master, writes have a connection of their own,
 * so that reads do not wait for disks and replicas.
 */
import type { RedisAddress, RedisEngineConfig } from "../../protocol/config.js";
import { StoreError } from "../../protocol/errors.js";
import { monotonic, nextTurn } from "../../protocol/timers.js";
import { type Assurance, assuranceOf } from "./durability.js";
import type { MakeClient } from "./driver.js";
import { Line } from "./line.js";
import { type Command, LostConnection, unlessRefused } from "./replies.js";
import { type ScriptName, SCRIPTS } from "./scripts.js";

export class Connection {
  readonly #reads: Line;
  readonly #writes: Line;
  readonly #assurance: Assurance | null;
  readonly #scripts: ReadonlyMap<ScriptName, string>;
  #confirming: Promise<void> | null = null;
  #serverAhead: number;

  private constructor(
    reads: Line,
    writes: Line,
    assurance: Assurance | null,
    scripts: ReadonlyMap<ScriptName, string>,
    serverAhead: number,
  ) {
    this.#reads = reads;
    this.#writes = writes;
    this.#assurance = assurance;
    this.#scripts = scripts;
    this.#serverAhead = serverAhead;
  }

  /**
   * @param onLost called once, when it is lost
   * @throws StoreError if the server refuses, LostConnection if it is none that can be used
   */
  static async open(
    config: RedisEngineConfig,
    makeClient: MakeClient,
    address: RedisAddress | null,
    onLost: (reason: string) => void,
  ): Promise<Connection> {
    let isLost = false;
    const lines: Line[] = [];
    const lose = (reason: string): void => {
      if (isLost) return;
      isLost = true;
      for (const line of lines) line.end();
      onLost(reason);
    };
    const openLine = async (): Promise<Line> => {
      const line = new Line(config.redis, makeClient, address, lose);
      lines.push(line);
      await line.connect();
      return line;
    };
    try {
      const reads = await openLine();
      await assertMaster(reads);
      const assurance = await assuranceOf(config, reads);
      const writes = assurance === null ? reads : await openLine();
      const scripts = await loadScripts(reads);
      const serverAhead = timeOf(await reads.send(["TIME"])) - monotonic();
      return new Connection(reads, writes, assurance, scripts, serverAhead);
    } catch (error) {
      isLost = true;
      for (const line of lines) line.end();
      throw error;
    }
  }

  get isLost(): boolean {
    return this.#reads.isLost || this.#writes.isLost;
  }

  /** The time of the server at a moment of `monotonic()`, about; in epoch milliseconds. */
  serverTime(moment: number): number {
    return Math.floor(moment + this.#serverAhead);
  }

  /** The time of the server, about; in epoch milliseconds. */
  serverNow(): number {
    return this.serverTime(monotonic());
  }

  /** For when the server has told its time. */
  setServerTime(now: number): void {
    this.#serverAhead = now - monotonic();
  }

  read(command: Command): Promise<unknown> {
    return this.#reads.send(command);
  }

  /** Calls a script over one key. Resolves when its effect is as safe as it is to be. */
  run(script: ScriptName, key: string, args: readonly string[]): Promise<unknown> {
    const hash = this.#scripts.get(script) ?? "";
    const answer = this.#writes.send(["EVALSHA", hash, "1", key, ...args]);
    const assurance = this.#assurance;
    if (assurance === null) return answer;
    return answer.then(async (reply) => {
      await this.#confirm(assurance);
      return reply;
    });
  }

  /** The next command goes to a node that is about to get the slot. */
  asking(): void {
    // If it fails, so does the command after it.
    this.#writes.send(["ASKING"]).catch(() => undefined);
    if (this.#writes !== this.#reads) this.#reads.send(["ASKING"]).catch(() => undefined);
  }

  /** Resolves when all that was answered is safe. */
  #confirm({ command, check }: Assurance): Promise<void> {
    // What was answered at once is confirmed at once.
    this.#confirming ??= nextTurn().then(async () => {
      this.#confirming = null;
      check(await this.#writes.send(command));
    });
    return this.#confirming;
  }

  /** Loads the scripts again, which the server has forgotten. */
  async loadScripts(): Promise<void> {
    await loadScripts(this.#writes);
  }

  /** Gives the connection up. What it was asked and has not answered fails. */
  drop(reason: string): void {
    this.#reads.lose(reason);
  }
}

/** @throws LostConnection if the server is a replica, which refuses writes and may be behind */
async function assertMaster(line: Line): Promise<void> {
  // There may be something between that does not know the command, or a user who may not ask.
  const hello = (await unlessRefused(line.send(["HELLO"]))) ?? [];
  const fields = Array.isArray(hello) ? hello : Object.entries(hello).flat();
  const role: unknown = fields[fields.indexOf("role") + 1];
  if (role === "replica" || role === "slave") {
    throw new LostConnection("the server is a replica, not the master");
  }
}

async function loadScripts(line: Line): Promise<ReadonlyMap<ScriptName, string>> {
  const names = Object.keys(SCRIPTS) as ScriptName[];
  const hashes = await Promise.all(
    names.map((name) => line.send(["SCRIPT", "LOAD", SCRIPTS[name]])),
  );
  return new Map(names.map((name, index) => [name, String(hashes[index])]));
}

/** What `TIME` tells, in epoch milliseconds and parts of one. */
export function timeOf(reply: unknown): number {
  const [seconds, micros] = Array.isArray(reply) ? reply.map(Number) : [];
  if (seconds === undefined || micros === undefined) {
    throw new StoreError("STORE_IO", "the Redis server does not tell its time");
  }
  return seconds * 1000 + micros / 1000;
}
