/**
 * Where the guests of an owner come in: its socket, from before it has the lock until it has none, and
 * the connections over it.
 */
import { join } from "node:path";

import type { Address } from "../disk/lock/meeting.js";
import type { Clock } from "../ports/clock.js";
import type { Listening, Sockets } from "../ports/sockets.js";
import type { Dispatch } from "./gate.js";
import { GuestConnection } from "./guest-connection.js";
import { newSecret, newSocketName } from "./handshake.js";
import type { Needs } from "./messages.js";

export interface ReceptionParts {
  readonly sockets: Sockets;
  readonly clock: Clock;
  readonly directory: string;
  readonly collection: string;
  /** What the passwords come to. */
  readonly keys: Promise<readonly Buffer[]>;
  /** Those of this store, as JSON text. */
  readonly options: string;
  readonly log: (text: string) => void;
}

/** Resolves when it is told to. */
class Later<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;

  constructor() {
    this.promise = new Promise((resolve) => (this.resolve = resolve));
  }
}

export class Reception {
  readonly #parts: ReceptionParts;
  readonly #secret = newSecret();
  /** Connections, and those of them that have joined. */
  readonly #connections = new Set<GuestConnection>();
  readonly #guests = new Set<GuestConnection>();
  #lock = new Later<string>();
  readonly #dispatch = new Later<Dispatch>();
  /** The engine, once the collection is open: from then on calls go straight to it. */
  #opened: { readonly dispatch: Dispatch; readonly limit: (needs: Needs) => Promise<void> } | null =
    null;
  #listening: Listening | null = null;
  #name: string | null = null;
  #isClosed = false;

  constructor(parts: ReceptionParts) {
    this.#parts = parts;
  }

  /** How many guests there are. */
  get guests(): number {
    return this.#guests.size;
  }

  /** Whether a guest wants its writes fsynced. */
  get isDurable(): boolean {
    return [...this.#guests].some(({ needs }) => needs.durable);
  }

  /** Where it can be reached; it listens when this resolves. Null where no socket is possible. */
  async address(): Promise<Address | null> {
    if (this.#name === null || !this.#isThere(this.#name)) await this.#listen();
    return this.#name === null ? null : { socket: this.#name, secret: this.#secret };
  }

  /** Whether this is the name of its own socket. */
  isAt(name: string): boolean {
    return this.#name === name;
  }

  /** For when the lock has been taken, again if it was deleted. @param lock which file it is */
  identify(lock: string): void {
    this.#lock.resolve(lock);
    this.#lock = new Later();
    this.#lock.resolve(lock);
  }

  /**
   * For when the collection is open: calls are made, those that wait in their order.
   * @param limit applies what a guest asks for
   */
  serve(dispatch: Dispatch, limit: (needs: Needs) => Promise<void>): void {
    this.#opened = { dispatch, limit };
    this.#dispatch.resolve(dispatch);
    for (const guest of this.#guests) this.#open(guest, limit);
  }

  /** A guest is answered when what it asks for holds. */
  #open(guest: GuestConnection, limit: (needs: Needs) => Promise<void>): void {
    void limit(guest.needs).then(() => {
      guest.open(this.#parts.options);
    });
  }

  /** Takes neither guests nor calls any more: those are the next owner's. */
  stop(): void {
    this.#isClosed = true;
    this.#listening?.close();
    this.#listening = null;
    for (const guest of this.#connections) guest.stop();
  }

  /** Ends all connections, once what has been answered has been read. */
  async finish(): Promise<void> {
    this.stop();
    await Promise.all([...this.#connections].map((guest) => guest.finish()));
  }

  /** Ends all connections at once: this is no owner any more. */
  drop(): void {
    this.stop();
    for (const guest of [...this.#connections]) guest.drop();
  }

  async #listen(): Promise<void> {
    const { sockets, directory, collection, log } = this.#parts;
    // Never the same name again: closing a socket deletes whatever has its name by then.
    const name = `${collection}.${newSocketName()}.sock`;
    try {
      const listening = await sockets.listen(directory, name, (socket) => {
        this.#connections.add(
          new GuestConnection(socket, {
            clock: this.#parts.clock,
            credentials: this.#parts.keys.then((keys) => ({ secret: this.#secret, keys })),
            lock: this.#lock.promise,
            dispatch: (...call) => this.#call(...call),
            opened: this.#dispatch.promise,
            onJoined: (guest) => {
              this.#guests.add(guest);
              log(`has ${this.#guests.size} guests`);
              if (this.#opened !== null) this.#open(guest, this.#opened.limit);
            },
            onEnd: (guest) => {
              this.#connections.delete(guest);
              this.#guests.delete(guest);
            },
          }),
        );
      });
      this.#listening?.close();
      this.#listening = listening;
      this.#name = name;
      if (this.#isClosed) this.stop();
    } catch (error) {
      log(`cannot listen in ${directory}: ${String(error)}`);
    }
  }

  async #call(...call: Parameters<Dispatch>): Promise<unknown> {
    return (this.#opened?.dispatch ?? (await this.#dispatch.promise))(...call);
  }

  #isThere(name: string): boolean {
    try {
      return this.#parts.sockets.isPrivate(join(this.#parts.directory, name));
    } catch {
      return false;
    }
  }
}
