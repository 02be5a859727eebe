/** A connection as the client makes it, with a watch over it: a server that is silent is given up. */
import type { RedisAddress, RedisConfig } from "../../protocol/config.js";
import {
  clearInterval,
  clearTimeout,
  monotonic,
  setImmediate,
  setInterval,
  setTimeout,
} from "../../protocol/timers.js";
import type { MakeClient, RedisClient } from "./driver.js";
import { type Command, isReply, LostConnection, messageOf } from "./replies.js";

/** The part of the time for a call after which a silent server is given up, so that another is asked. */
const PATIENCE = 0.5;
/** How often it is looked at in that time. */
const CHECKS = 4;

export class Line {
  readonly #client: RedisClient;
  readonly #patienceMs: number;
  readonly #onLost: (reason: string) => void;
  readonly #watch: NodeJS.Timeout;
  #unanswered = 0;
  /** Since when the server has been silent while an answer was due. */
  #silentSince = 0;
  #checkedAt = monotonic();
  #lost: LostConnection | null = null;

  constructor(
    redis: RedisConfig,
    makeClient: MakeClient,
    address: RedisAddress | null,
    onLost: (reason: string) => void,
  ) {
    this.#patienceMs = redis.failAfterMs * PATIENCE;
    this.#onLost = onLost;
    this.#client = makeClient(clientOptions(redis, address));
    this.#client.on("error", (error) => {
      this.lose(messageOf(error));
    });
    this.#watch = setInterval(() => {
      this.#check();
    }, this.#patienceMs / CHECKS);
    this.#watch.unref();
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  async connect(): Promise<void> {
    this.#unanswered++;
    this.#silentSince = monotonic();
    try {
      await this.#client.connect();
    } catch (error) {
      throw isReply(error) ? error : (this.#lost ?? new LostConnection(messageOf(error)));
    }
    this.#answered();
    this.#client.unref();
  }

  send(command: Command): Promise<unknown> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    if (this.#unanswered++ === 0) this.#silentSince = monotonic();
    const answer = this.#client.sendCommand(command);
    answer.then(this.#answered, this.#answered);
    return answer;
  }

  readonly #answered = (): void => {
    this.#unanswered--;
    this.#silentSince = monotonic();
  };

  /** Not the server is silent where this thread was held up, and has not read what came. */
  #check(): void {
    const now = monotonic();
    const wasHeldUp = now - this.#checkedAt > (2 * this.#patienceMs) / CHECKS;
    this.#checkedAt = now;
    if (wasHeldUp) this.#silentSince = now;
    if (!this.#isSilent()) return;
    // What has come meanwhile is read before this.
    setImmediate(() => {
      if (this.#isSilent()) this.lose(`the server has not answered for ${this.#patienceMs} ms`);
    });
  }

  #isSilent(): boolean {
    return this.#unanswered > 0 && monotonic() - this.#silentSince > this.#patienceMs;
  }

  lose(reason: string): void {
    if (this.#lost !== null) return;
    this.#lost = new LostConnection(reason);
    this.#onLost(reason);
  }

  /** Rejects what is unanswered. */
  end(): void {
    this.#lost ??= new LostConnection("the connection was closed");
    clearInterval(this.#watch);
    this.#client.destroy();
  }
}

/**
 * Asks the server at an address one question, on a connection of its own. Connecting and answering share
 * a part of the time for a call, so that another server can be asked in the rest.
 */
export async function ask(
  redis: RedisConfig,
  makeClient: MakeClient,
  address: RedisAddress,
  command: Command,
): Promise<unknown> {
  const client = makeClient(clientOptions(redis, address));
  client.on("error", () => undefined);
  const timer = setTimeout(() => {
    // Rejects whatever it waits for.
    client.destroy();
  }, redis.failAfterMs * PATIENCE);
  try {
    await client.connect();
    client.unref();
    return await client.sendCommand(command);
  } finally {
    clearTimeout(timer);
    client.destroy();
  }
}

/** Options of node-redis for one connection. Nothing is tried again there: that is decided here. */
function clientOptions(
  { path, tls, username, password, database, failAfterMs }: RedisConfig,
  address: RedisAddress | null,
): Record<string, unknown> {
  return {
    socket: {
      ...(address ?? (path !== undefined && { path })),
      ...(tls !== null && { ...tls, tls: true }),
      connectTimeout: failAfterMs,
      reconnectStrategy: false,
    },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(database !== 0 && { database }),
    RESP: 2,
    disableOfflineQueue: true,
    maintNotifications: "disabled",
    commandOptions: { timeout: undefined },
  };
}
