/**
 * How a member meets the others while it wants the lock: the reception that it opens in case it gets
 * it, and the link to the owner that it has joined.
 */
import { join } from "node:path";

import { type Report, storeClosed, StoreError } from "../../protocol/errors.js";
import type { SharingStats } from "../../protocol/contract.js";
import type { Sharing } from "../disk/engine.js";
import type { Address, Reached } from "../disk/lock/meeting.js";
import type { LockRecord } from "../disk/lock/lock-record.js";
import { isErrno } from "../ports/failure.js";
import type { Files } from "../ports/files.js";
import { randomNonce } from "../ports/nonce.js";
import type { ProcessTable } from "../ports/process-table.js";
import type { Sockets } from "../ports/sockets.js";
import { Link, type LinkParts } from "./link.js";
import type { Needs } from "./messages.js";
import { Reception, type ReceptionParts } from "./reception.js";
import { difference } from "./settings.js";

interface MeetingPlaceParts extends ReceptionParts, Pick<LinkParts, "isWaiting" | "onAnswer"> {
  readonly files: Files;
  readonly processes: Pick<ProcessTable, "pid" | "host">;
  readonly needs: Needs;
  readonly report: Report;
  /** The owner that this store has joined has the collection open. */
  readonly onOpen: (link: Link) => void;
  /** The owner that this store has joined is gone. */
  readonly onEnd: () => void;
  /** Whether this store has been closed and joins nobody any more. */
  readonly isClosed: () => boolean;
}

export class MeetingPlace {
  /** The name of this store as a guest. */
  readonly guest = randomNonce();
  readonly #parts: MeetingPlaceParts;
  #reception: Reception | null = null;
  #link: Link | null = null;
  #owner: LockRecord | null = null;
  #silent: string | null = null;
  #reported: string | null = null;

  constructor(parts: MeetingPlaceParts) {
    this.#parts = parts;
  }

  /** The link to the owner, if this store is its guest. */
  get link(): Link | null {
    return this.#link;
  }

  /** Opened when this store wants the lock. */
  get reception(): Reception | null {
    return this.#reception;
  }

  /** For when this store is not, or no longer, the owner. */
  leave(): void {
    this.#reception?.drop();
    this.#reception = null;
  }

  /** Ends the link to the owner. */
  part(): void {
    this.#link?.close();
    this.#link = null;
  }

  /** Tries to join the owner of a lock. @param lock which file the lock is */
  async reach(record: LockRecord & Address, lock: string): Promise<Reached> {
    this.#assertOpen();
    const { sockets, clock, directory, collection, needs } = this.#parts;
    const { onOpen, onAnswer, onEnd, isWaiting } = this.#parts;
    // Before there is a socket: it is not to be left alone with what may happen to it.
    const keys = await this.#parts.keys;
    // It names a file beside the lock, and nothing else.
    if (!isSocketName(record.socket, collection)) return "absent";
    let socket: Awaited<ReturnType<Sockets["connect"]>>;
    try {
      if (!sockets.isPrivate(join(directory, `${collection}.lock`))) return "absent";
      socket = await sockets.connect(directory, record.socket);
    } catch (error) {
      // For want of a descriptor nobody can say.
      if (isErrno(error, "EMFILE", "ENFILE", "EAGAIN")) return "alive";
      return (await this.#isOnlyName(record.socket, error)) ? "gone" : "absent";
    }
    const joined = await Link.join(socket, {
      ...{ clock, isWaiting, onAnswer },
      credentials: { secret: record.secret, keys },
      guest: { guest: this.guest, lock, ...needs },
      onJoined: (link) => {
        this.#link = link;
        this.#owner = record;
        // There is no place for guests where this store is one.
        this.leave();
      },
      onOpen: (link, options) => {
        this.#compare(options, record);
        onOpen(link);
      },
      onEnd: (isSilent) => {
        if (isSilent) this.#silent = record.socket;
        this.#link = null;
        onEnd();
      },
    });
    if (joined === "key") throw keyError(directory, record);
    return joined;
  }

  /** How an engine that is opened here shares the collection. */
  sharing(onLost: () => void): Sharing {
    return {
      address: async () => {
        this.#assertOpen();
        this.#reception ??= new Reception(this.#parts);
        return this.#reception.address();
      },
      reach: (...args) => this.reach(...args),
      hasLeftover: () => this.#hasLeftover(),
      isSilent: (socket) => this.#silent === socket,
      isDurable: () => this.#reception?.isDurable ?? false,
      identify: (lock) => {
        this.#reception?.identify(lock);
      },
      leave: () => {
        this.leave();
      },
      onLost,
    };
  }

  /** What `stats` says of it. @param guests how many the owner has, if that is another store */
  partIn(isOwner: boolean, guests: number): Omit<SharingStats, "elections"> {
    const { pid, host } = (isOwner ? null : this.#owner) ?? this.#parts.processes;
    return {
      role: isOwner ? "owner" : "guest",
      owner: { pid, host },
      guests: isOwner ? (this.#reception?.guests ?? 0) : guests,
    };
  }

  /** Whether an owner still listens, although there is no lock. */
  async #hasLeftover(): Promise<boolean> {
    this.#assertOpen();
    const { files, sockets, directory, collection } = this.#parts;
    for (const name of await files.list(directory)) {
      if (!isSocketName(name, collection) || this.#reception?.isAt(name) === true) continue;
      try {
        (await sockets.connect(directory, name)).destroy();
        return true;
      } catch (error) {
        await this.#isOnlyName(name, error);
      }
    }
    return false;
  }

  /** Whether nobody has a socket open: its name, which one that was killed has left, is removed. */
  async #isOnlyName(name: string, error: unknown): Promise<boolean> {
    const { files, directory } = this.#parts;
    if (!isErrno(error, "ECONNREFUSED")) return false;
    // One that cannot be removed is in nobody's way.
    await files.remove(join(directory, name)).catch(() => undefined);
    return true;
  }

  /** Reports once which options are not those of the owner. */
  #compare(options: string, { pid }: LockRecord): void {
    const { options: own, report } = this.#parts;
    const differing = difference(own, options);
    if (differing === null || differing === this.#reported) return;
    this.#reported = differing;
    const message =
      `process ${pid}, which has the collection open, has other options, and those hold (of ` +
      `absoluteTtl the shorter): ${differing}. Give all processes the same`;
    report(new StoreError("OPTIONS_DIFFER", message));
  }

  #assertOpen(): void {
    if (this.#parts.isClosed()) throw storeClosed();
  }
}

function isSocketName(name: string, collection: string): boolean {
  return (
    name.startsWith(`${collection}.`) &&
    /^[0-9a-f]{8}\.sock$/.test(name.slice(collection.length + 1))
  );
}

function keyError(directory: string, { pid, host }: LockRecord): StoreError {
  return new StoreError(
    "STORE_KEY_MISMATCH",
    `the collection in ${directory} is open in process ${pid} on host ${host} with another ` +
      '"encryptionKey", or only one of the two stores has one: give all processes the same',
  );
}
