/**
 * Owns processes that share a collection and write the same sessions, and the ledger of what each was
 * told.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { StoreOptions } from "express-session-isolate";
import { onTestFinished } from "vitest";
import { isOneMemory, type Told } from "./one-memory.js";
import { until } from "./until.js";

const SHARER = fileURLToPath(new URL("../fixtures/sharer.js", import.meta.url));

interface Call {
  readonly kind: "read" | "write";
  readonly sid: string;
  value: number | null;
  readonly from: number;
  to: number;
}

/** One process. */
export class Sharer {
  readonly process: ChildProcess;
  readonly calls = new Map<string, Call>();
  /** The codes of calls that failed, and of what was reported. */
  readonly failures: string[] = [];
  readonly reports: string[] = [];
  /** How many calls were answered. */
  answered = 0;
  #lines: string[] = [];
  /** Whether all has been read that it will ever say. */
  #hasEnded = false;

  constructor(options: StoreOptions, name: number, sids: number) {
    this.process = fork(SHARER, [JSON.stringify(options), String(name), String(sids)], {
      execArgv: [],
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    onTestFinished(() => void this.process.kill("SIGKILL"));
    this.process.once("close", () => (this.#hasEnded = true));
    createInterface({ input: this.process.stdout! }).on("line", (line) => {
      this.#note(line);
    });
  }

  get isAlive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  send(...command: string[]): void {
    this.process.send(command);
  }

  /** Resolves to the rest of the next line that begins with this word. */
  async says(word: string): Promise<string> {
    const line = await until(() => {
      const said = this.#lines.find((each) => each.split(" ")[0] === word);
      if (said !== undefined) return said;
      if (this.#hasEnded) throw new Error(`the process has ended: ${this.process.exitCode}`);
      return false;
    }, 60_000);
    this.#lines = this.#lines.filter((said) => said !== line);
    return line.slice(word.length + 1);
  }

  async isOwner(): Promise<boolean> {
    this.send("role");
    return (await this.says("role")) === "owner";
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const exit = once(this.process, "close");
    this.process.kill(signal);
    await exit;
  }

  #note(line: string): void {
    const [word, id = "", ...rest] = line.split(" ");
    if (word === "call") {
      const [kind, sid = "", value, from] = rest;
      const call = { sid, value: numberOf(value), from: Number(from), to: Infinity };
      this.calls.set(id, { kind: kind as Call["kind"], ...call });
    } else if (word === "done") {
      const call = this.calls.get(id);
      if (call === undefined) return;
      call.value = numberOf(rest[0]);
      call.to = Number(rest[1]);
      this.answered++;
    } else if (word === "failed") this.failures.push(rest[0] ?? "");
    else if (word === "error") this.reports.push(id);
    else this.#lines.push(line);
  }
}

function numberOf(text: string | undefined): number | null {
  return text === "null" || text === undefined ? null : Number(text);
}

/** Processes over one collection, round after round. */
export class Sharers {
  readonly #options: StoreOptions;
  readonly #sids: number;
  #made = 0;
  members: Sharer[] = [];
  /** Those that were closed. */
  readonly #retired: Sharer[] = [];
  /** What each session held after the last round, and what may still come of calls before. */
  #held = new Map<string, number | null>();
  #late: Call[] = [];

  constructor(options: StoreOptions, sids: number) {
    this.#options = options;
    this.#sids = sids;
  }

  async add(options: Partial<StoreOptions> = {}): Promise<Sharer> {
    const all = { ...this.#options, ...options };
    const member = new Sharer(all, ++this.#made, this.#sids);
    await member.says("open");
    this.members.push(member);
    return member;
  }

  /** For one that has been closed: what it was told counts. */
  retire(member: Sharer): void {
    this.#retired.push(member);
    this.members = this.members.filter((other) => other !== member);
  }

  async owner(): Promise<Sharer> {
    for (const member of this.members) if (await member.isOwner()) return member;
    throw new Error("nobody is the owner");
  }

  run(): void {
    for (const member of this.members) member.send("run");
  }

  /** Ends the round: no call is under way any more in a process that lives. */
  async rest(): Promise<void> {
    const alive = this.members.filter(({ isAlive }) => isAlive);
    for (const member of alive) member.send("pause");
    for (const member of alive) await member.says("idle");
  }

  /** Compares what was told since the last time with what one memory would have told. */
  async compare(): Promise<string[]> {
    const violations: string[] = [];
    const [reader] = this.members.filter(({ isAlive }) => isAlive);
    const sids = Array.from({ length: this.#sids }, (_, index) => `sid-${index}`);
    reader!.send("read", ...sids);
    await reader!.says("idle");
    const calls = [...this.members, ...this.#retired.splice(0)].flatMap((member) => [
      ...member.calls.values(),
    ]);
    for (const sid of sids) {
      const told: Told[] = [...this.#late, ...calls].filter((call) => call.sid === sid);
      if (!isOneMemory(told, this.#held.get(sid) ?? null))
        violations.push(`${sid} is not one memory`);
      const last = told.filter(({ kind }) => kind === "read").sort((a, b) => b.from - a.from)[0];
      this.#held.set(sid, last?.value ?? null);
    }
    for (const member of this.members) {
      const wrong = member.failures.filter((code) => code !== "STORE_UNCERTAIN");
      violations.push(...wrong.map((code) => `a call failed with ${code}`));
      violations.push(...member.reports.map((code) => `${code} was reported`));
      member.failures.length = 0;
      member.reports.length = 0;
      member.calls.clear();
    }
    this.members = this.members.filter(({ isAlive }) => isAlive);
    this.#late = calls.filter(({ kind, to }) => kind === "write" && to === Infinity);
    return violations;
  }
}
