/** A call of the servers: what is asked, and how far it has come. */
import type { Connection } from "./connection.js";
import type { Waiting } from "./patience.js";
import type { ScriptName } from "./scripts.js";

/** A command of a script that changes something. */
export interface Change {
  readonly script: ScriptName;
  readonly key: string;
  /**
   * @param deadline by the clock of the server
   * @param isRepeated whether it was sent before, and may have taken effect
   */
  readonly args: (deadline: string, isRepeated: boolean) => readonly string[];
  /** When the call was made that it is for, by `monotonic()`; now, if that is not given. */
  readonly since?: number | undefined;
  /** The moment of `monotonic()` by which it is wanted, where that is not as for all calls. */
  readonly wantedBy?: number;
}

export interface Call extends Waiting {
  /** The master that has it is asked. */
  readonly key: string;
  /** By `monotonic()`: later it takes no effect. Infinity if it changes nothing. */
  readonly wantedBy: number;
  readonly send: (connection: Connection, isRepeated: boolean) => Promise<unknown>;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Whether an answer is due. */
  isSent: boolean;
  /** Whether it was sent before, and that was not answered. */
  isUnanswered: boolean;
  isSettled: boolean;
}

/** Whether it is one that must not take effect twice, or late. */
export function changes({ wantedBy }: Call): boolean {
  return wantedBy !== Infinity;
}
