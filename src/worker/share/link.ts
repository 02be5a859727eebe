/** A guest's end of a connection: joins an owner, sends it calls, and notices when it is gone. */
import type { Socket } from "node:net";

import type { Clock, Timer } from "../ports/clock.js";
import { Connection } from "./connection.js";
import type { Frame } from "./frames.js";
import {
  type Credentials,
  type Hello,
  type Introduction,
  isOwner,
  type Proof,
  proofFor,
} from "./handshake.js";
import { type AnswerMessage, type CallMessage, type Codec, codecFor, Kind } from "./messages.js";

export interface LinkParts {
  readonly clock: Clock;
  readonly credentials: Credentials;
  readonly guest: Introduction;
  /** Whether an answer is waited for. */
  readonly isWaiting: () => boolean;
  /** The owner has let this store in. Before, nothing else is told. */
  readonly onJoined: (link: Link) => void;
  /** The owner has the collection open. @param options with which, as JSON text */
  readonly onOpen: (link: Link, options: string) => void;
  readonly onAnswer: (message: AnswerMessage) => void;
  /** @param isSilent whether the owner has only not answered */
  readonly onEnd: (isSilent: boolean) => void;
}

/** What came of a handshake. */
type Joined = "joined" | "silent" | "alive" | "key";

const HANDSHAKE_MS = 2000;
const PING_MS = 1000;
/** With so many pings unanswered, the owner is silent. */
const MAX_PINGS = 10;

export class Link {
  readonly #parts: LinkParts;
  readonly #connection: Connection;
  /** Tells what has come of the handshake. */
  readonly #settle: (joined: Joined) => void;
  #hello: Hello | null = null;
  #proof: Proof | null = null;
  #codec: Codec = codecFor(0);
  #isJoined = false;
  #pings = 0;
  #timer: Timer;
  #isSilent = false;
  #isClosed = false;

  private constructor(socket: Socket, parts: LinkParts, settle: (joined: Joined) => void) {
    this.#parts = parts;
    this.#settle = settle;
    this.#connection = new Connection(socket, {
      onFrame: (frame) => {
        this.#read(frame);
      },
      onEnd: () => {
        this.#ended();
      },
    });
    this.#timer = parts.clock.after(HANDSHAKE_MS, () => {
      this.#connection.destroy();
    });
  }

  /** Joins the owner at the other end of a socket. @returns why it could not, if it could not */
  static join(socket: Socket, parts: LinkParts): Promise<Joined> {
    return new Promise((resolve) => new Link(socket, parts, resolve));
  }

  send(message: CallMessage): void {
    this.#connection.send(Kind.call, this.#codec.encode(message));
  }

  /** Ends it; nothing is told of that. */
  close(): void {
    this.#isClosed = true;
    this.#connection.destroy();
  }

  #read(frame: Frame): void {
    this.#pings = 0;
    if (this.#isJoined) this.#take(frame);
    else this.#greet(frame);
  }

  #take({ kind, body }: Frame): void {
    if (kind === Kind.answer) this.#parts.onAnswer(this.#codec.decode(body) as AnswerMessage);
    else if (kind === Kind.open) this.#parts.onOpen(this, body.toString());
    else if (kind !== Kind.pong) throw new Error("unknown frame");
  }

  #greet({ kind, body }: Frame): void {
    const { credentials, guest } = this.#parts;
    if (kind === Kind.hello && this.#hello === null) {
      this.#hello = JSON.parse(body.toString()) as Hello;
      this.#proof = proofFor(this.#hello, credentials, guest);
      this.#codec = codecFor(this.#hello.format);
      this.#connection.send(Kind.proof, Buffer.from(JSON.stringify(this.#proof)));
    } else if (this.#hello === null || this.#proof === null) {
      throw new Error("no hello");
    } else if (kind === Kind.welcome) {
      if (!isOwner(this.#hello, this.#proof, credentials, body.toString())) {
        throw new Error("not the owner");
      }
      this.#isJoined = true;
      this.#timer.cancel();
      this.#connection.trust();
      this.#settle("joined");
      this.#parts.onJoined(this);
      this.#watch();
    } else if (kind === Kind.refusal) {
      this.#settle(body.toString() === "key" ? "key" : "alive");
      this.#connection.destroy();
    } else throw new Error("unknown frame");
  }

  /** Asks now and then whether the owner is alive, while it owes an answer. */
  #watch(): void {
    this.#timer = this.#parts.clock.after(PING_MS, () => {
      if (!this.#parts.isWaiting()) this.#pings = 0;
      else if (++this.#pings > MAX_PINGS) {
        this.#isSilent = true;
        this.#connection.destroy();
        return;
      } else this.#connection.send(Kind.ping);
      this.#watch();
    });
  }

  #ended(): void {
    this.#timer.cancel();
    this.#connection.destroy();
    // The other end was not what it seemed, has gone in the middle, or has not answered in time.
    if (!this.#isJoined) this.#settle("silent");
    else if (!this.#isClosed) this.#parts.onEnd(this.#isSilent);
  }
}
