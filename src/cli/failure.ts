/** How a command ends: its exit codes, and the errors that say so. */
import { isErrorLike, StoreError, type StoreErrorCode } from "../protocol/errors.js";

export const EXIT = { done: 0, failed: 1, usage: 2, damaged: 3, busy: 4, wrongKey: 5 } as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** An end that a command has foreseen. Its message is for the user. */
export class Failure extends Error {
  readonly exit: Exit;

  constructor(exit: Exit, message: string) {
    super(message);
    this.exit = exit;
  }
}

/** The command line cannot be understood. */
export function usage(message: string): Failure {
  return new Failure(EXIT.usage, message);
}

const EXIT_OF_CODES: Partial<Record<StoreErrorCode, Exit>> = {
  STORE_CORRUPT: EXIT.damaged,
  STORE_LOCKED: EXIT.busy,
  STORE_UNREACHABLE: EXIT.busy,
  STORE_KEY_MISMATCH: EXIT.wrongKey,
};

export function exitOf(error: unknown): Exit {
  if (error instanceof Failure) return error.exit;
  if (error instanceof StoreError) return EXIT_OF_CODES[error.code] ?? EXIT.failed;
  return EXIT.failed;
}

/** What went wrong, with the reason of a system call. */
export function messageOf(error: unknown): string {
  if (!isErrorLike(error)) return String(error);
  const { message } = error;
  const reason = error instanceof StoreError && isErrorLike(error.cause) ? error.cause.message : "";
  // Over Redis the message has it already.
  return message.includes(reason) ? message : `${message} (${reason})`;
}
