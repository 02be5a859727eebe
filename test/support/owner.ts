/** Owns the owner of a collection as another process, and its answers to the calls of a test. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type LiteNoSQLStore from "express-session-isolate";
import { expect, onTestFinished } from "vitest";

type Options = ConstructorParameters<typeof LiteNoSQLStore>[0];

/** What an owner answers: a value, or the error it got. */
interface Answer {
  readonly value?: unknown;
  readonly code?: string;
  readonly message?: string;
}

const OWNER = fileURLToPath(new URL("./owner-process.js", import.meta.url));

export class Owner {
  readonly process: ChildProcess;
  readonly opened: Promise<Answer>;

  constructor(options: Options) {
    const args = [JSON.stringify(options)];
    this.process = fork(OWNER, args, {
      execArgv: [],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.opened = this.#answer();
    onTestFinished(() => void this.process.kill("SIGKILL"));
  }

  async call(...action: unknown[]): Promise<Answer> {
    const answer = this.#answer();
    this.process.send(action);
    return answer;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const exit = once(this.process, "exit");
    this.process.kill(signal);
    await exit;
  }

  async #answer(): Promise<Answer> {
    const [answer] = (await once(this.process, "message")) as [Answer];
    return answer;
  }
}

export async function owner(options: Options): Promise<Owner> {
  const opened = new Owner(options);
  expect(await opened.opened).toEqual({ value: "ready" });
  return opened;
}
