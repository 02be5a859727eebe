/** Keeps a connection to one master: opens another when it is lost, again and again, until stopped. */
import { StoreError } from "../../protocol/errors.js";
import { clearTimeout, setTimeout } from "../../protocol/timers.js";
import type { Connection } from "./connection.js";
import { isReply, messageOf, refusal } from "./replies.js";

/** Time between attempts: at first, and at most. */
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 500;

/** Opens a connection. @param onLost is called once, when it is lost */
type Open = (onLost: (reason: string) => void) => Promise<Connection>;

export class Link {
  readonly #openOne: Open;
  readonly #onChange: () => void;
  #connection: Connection | null = null;
  #failure: Error | null = null;
  #opened = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  /** @param onChange called whenever one has been opened, was lost, or could not be opened */
  constructor(open: Open, onChange: () => void) {
    this.#openOne = open;
    this.#onChange = onChange;
    void this.#open();
  }

  /** Null while there is none. */
  get connection(): Connection | null {
    return this.#connection;
  }

  /** Why there is none, if that is known. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** How often a connection has been opened. */
  get opened(): number {
    return this.#opened;
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#connection?.drop("the store was closed");
  }

  async #open(): Promise<void> {
    try {
      const connection = await this.#openOne((reason) => {
        this.#lost(reason);
      });
      if (this.#stopped || connection.isLost) {
        connection.drop("the store was closed");
        this.#retry();
        return;
      }
      this.#connection = connection;
      this.#failure = null;
      this.#opened++;
      this.#pauseMs = FIRST_PAUSE_MS;
    } catch (error) {
      this.#failure = isReply(error) ? refusal(error) : (error as Error);
      this.#retry();
    }
    if (!this.#stopped) this.#onChange();
  }

  #lost(reason: string): void {
    if (this.#connection === null) return;
    this.#connection = null;
    this.#failure = new Error(reason);
    this.#retry();
    if (!this.#stopped) this.#onChange();
  }

  #retry(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#open(), this.#pauseMs);
    this.#timer.unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
  }
}

/** The failure, if it is one that no time mends, such as a wrong password. */
export function lastingFailure(failure: Error | null): StoreError | null {
  return failure instanceof StoreError && failure.code !== "STORE_IO" ? failure : null;
}

/** Why no master can be reached, for a call that was not sent. */
export function unreachable(failure: Error | null): StoreError {
  const lasting = lastingFailure(failure);
  if (lasting !== null) return lasting;
  const reason = failure === null ? "" : `: ${messageOf(failure)}`;
  const message = `the Redis server cannot be reached, or does not answer${reason}`;
  return new StoreError("STORE_UNREACHABLE", message, { cause: failure ?? undefined });
}
