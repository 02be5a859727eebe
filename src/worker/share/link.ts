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

interface LinkParts {
  readonly clock: Clock;
  readonly credentials: Credentials;
  readonly guest: Introduction;
}

interface LinkEvents {
  /** The owner has the collection open. @param options with which, as JSON text */
  readonly onOpen: (options: string) => void;
  readonly onAnswer: (message: AnswerMessage) => void;
  /** @param isSilent whether the owner has only not answered */
  readonly onEnd: (isSilent: boolean) => void;
  /** Whether an answer is waited for. */
  readonly isWaiting: () => boolean;
}

/** What came of a handshake that has failed. */
type Failure = "silent" | "alive" | "key";

const HANDSHAKE_MS = 2000;
const PING_MS = 1000;
/** With so many pings unanswered, the owner is silent. */
const MAX_PINGS = 10;

export class Link {
  readonly #parts: LinkParts;
  readonly #connection: Connection;
  #hello: Hello | null = null;
  #proof: Proof | null = null;
  #codec: Codec = codecFor(0);
  #isJoined = false;
  #settle: (failure: Failure | null) => void = () => undefined;
  #pings = 0;
  #timer: Timer | null = null;
  #isSilent = false;
  #events: LinkEvents | null = null;
  /** What has come before anybody listens. */
  #early: Frame[] = [];

  private constructor(socket: Socket, parts: LinkParts) {
    this.#parts = parts;
    this.#connection = new Connection(socket, {
      onFrame: (frame) => {
        this.#read(frame);
      },
      onEnd: () => {
        this.#ended();
      },
    });
  }

  /** Joins the owner at the other end of a socket. @returns why it could not, if it could not */
  static async join(socket: Socket, parts: LinkParts): Promise<Link | Failure> {
    const link = new Link(socket, parts);
    const failure = await new Promise<Failure | null>((resolve) => {
      link.#settle = resolve;
      link.#timer = parts.clock.after(HANDSHAKE_MS, () => {
        resolve("silent");
      });
    });
    link.#timer?.cancel();
    if (failure !== null) {
      link.#connection.destroy();
      return failure;
    }
    return link;
  }

  /** Tells of what comes from now on, and of what has come. */
  start(events: LinkEvents): void {
    this.#events = events;
    for (const frame of this.#early.splice(0)) this.#take(frame, events);
    if (this.hasEnded) events.onEnd(false);
    else this.#watch(events);
  }

  get hasEnded(): boolean {
    return this.#connection.hasEnded;
  }

  send(message: CallMessage): void {
    this.#connection.send(Kind.call, this.#codec.encode(message));
  }

  /** Ends it; nothing is told of that. */
  close(): void {
    this.#events = null;
    this.#connection.destroy();
  }

  #read(frame: Frame): void {
    this.#pings = 0;
    if (!this.#isJoined) this.#greet(frame);
    else if (this.#events === null) this.#early.push(frame);
    else this.#take(frame, this.#events);
  }

  #take({ kind, body }: Frame, { onOpen, onAnswer }: LinkEvents): void {
    if (kind === Kind.answer) onAnswer(this.#codec.decode(body) as AnswerMessage);
    else if (kind === Kind.open) onOpen(body.toString());
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
      this.#connection.trust();
      this.#settle(null);
    } else if (kind === Kind.refusal) {
      this.#settle(body.toString() === "key" ? "key" : "alive");
    } else throw new Error("unknown frame");
  }

  /** Asks now and then whether the owner is alive, while it owes an answer. */
  #watch(events: LinkEvents): void {
    this.#timer = this.#parts.clock.after(PING_MS, () => {
      if (!events.isWaiting()) this.#pings = 0;
      else if (++this.#pings > MAX_PINGS) {
        this.#isSilent = true;
        this.#connection.destroy();
        return;
      } else this.#connection.send(Kind.ping);
      this.#watch(events);
    });
  }

  #ended(): void {
    this.#timer?.cancel();
    this.#connection.destroy();
    // The other end was not what it seemed, or has gone in the middle.
    if (!this.#isJoined) this.#settle("silent");
    this.#events?.onEnd(this.#isSilent);
  }
}
