/** The owner's end of a connection: finds out who is there, and answers the calls of a guest. */
import type { Socket } from "node:net";

import { ENGINE_METHODS, type Engine } from "../../protocol/contract.js";
import { Pager } from "../../protocol/pager.js";
import { encodeError } from "../../protocol/wire-error.js";
import type { Clock } from "../ports/clock.js";
import { Connection } from "./connection.js";
import type { Frame } from "./frames.js";
import type { Dispatch } from "./gate.js";
import { type Credentials, judgeProof, newHello, type Proof, type Refusal } from "./handshake.js";
import {
  type AnswerMessage,
  type CallMessage,
  type Codec,
  codecFor,
  Kind,
  type Needs,
  type Numbers,
} from "./messages.js";

interface GuestHost {
  readonly clock: Clock;
  readonly credentials: Promise<Credentials>;
  /** Which file the lock is. */
  readonly lock: Promise<string>;
  /** Makes a call, as soon as the collection is open. */
  readonly dispatch: Dispatch;
  /** Resolves when the collection is open. */
  readonly opened: Promise<unknown>;
  readonly onJoined: (guest: GuestConnection) => void;
  readonly onEnd: (guest: GuestConnection) => void;
}

/** What a guest may call: it does not close the engine, nor is it told of what expires. */
const METHODS: ReadonlySet<string> = new Set(
  ENGINE_METHODS.filter((name) => name !== "close" && name !== "watchExpired"),
);
/** Fetches the next page of an answer that is a long list. */
export const NEXT_PAGE = "nextPage";

/** Answers that a guest may leave unread before its calls wait. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

const HANDSHAKE_MS = 2000;
const DRAIN_MS = 500;

export class GuestConnection {
  readonly #host: GuestHost;
  readonly #connection: Connection;
  readonly #hello = newHello();
  readonly #pager = new Pager();
  #state: "new" | "judged" | "joined" = "new";
  #guest = "";
  #needs: Needs = { durable: false, absoluteTtlMs: null, hasUsers: false };
  #codec: Codec = codecFor(0);
  #isClosing = false;

  constructor(socket: Socket, host: GuestHost) {
    this.#host = host;
    const events = {
      onFrame: (frame: Frame) => {
        this.#read(frame);
      },
      onEnd: () => {
        this.#connection.destroy();
        host.onEnd(this);
      },
    };
    this.#connection = new Connection(socket, events, MAX_UNREAD_BYTES);
    this.#connection.send(Kind.hello, Buffer.from(JSON.stringify(this.#hello)));
    host.clock.after(HANDSHAKE_MS, () => {
      if (this.#state !== "joined") this.drop();
    });
  }

  get needs(): Needs {
    return this.#needs;
  }

  /** The collection is open. @param options with which, as JSON text */
  open(options: string): void {
    this.#connection.send(Kind.open, Buffer.from(options));
  }

  /** Takes no more calls: those that come now are the next owner's. */
  stop(): void {
    this.#isClosing = true;
  }

  /** Ends the connection when all answers have been read, or the guest does not read. */
  async finish(): Promise<void> {
    const timer = this.#host.clock.after(DRAIN_MS, () => {
      this.drop();
    });
    await this.#connection.finish();
    timer.cancel();
  }

  /** Ends the connection at once: nothing more is answered. */
  drop(): void {
    this.#connection.destroy();
  }

  #read({ kind, body }: Frame): void {
    if (kind === Kind.proof && this.#state === "new") {
      this.#state = "judged";
      this.#endIfFails(this.#judge(JSON.parse(body.toString()) as Proof));
    } else if (this.#state !== "joined") throw new Error("not yet");
    else if (kind === Kind.ping) this.#connection.send(Kind.pong);
    else if (kind === Kind.call) {
      this.#endIfFails(this.#call(this.#codec.decode(body) as CallMessage));
    } else throw new Error("unknown frame");
  }

  /** The other end is not what it seems: that must not end the thread of the owner. */
  #endIfFails(reading: Promise<void>): void {
    reading.catch(() => {
      this.drop();
    });
  }

  async #judge(proof: Proof): Promise<void> {
    const { credentials, lock, onJoined } = this.#host;
    const verdict = judgeProof(this.#hello, proof, await credentials, await lock);
    if (this.#connection.hasEnded) return;
    if ("refusal" in verdict || !/^[0-9a-f]{16}$/.test(proof.guest)) {
      const refusal = "refusal" in verdict ? verdict.refusal : "protocol";
      // The wrong key may be its own: then the files will not open.
      if (refusal === "key") await this.#host.opened;
      this.#refuse(refusal);
      return;
    }
    this.#guest = proof.guest;
    this.#needs = checkedNeeds(proof);
    this.#codec = codecFor(proof.format);
    this.#state = "joined";
    this.#connection.trust();
    this.#connection.send(Kind.welcome, Buffer.from(verdict.mac));
    onJoined(this);
  }

  #refuse(refusal: Refusal): void {
    this.#connection.send(Kind.refusal, Buffer.from(refusal));
    void this.finish();
  }

  async #call([id, method, args, numbers]: CallMessage): Promise<void> {
    if (this.#isClosing) return;
    let outcome: AnswerMessage[1];
    try {
      outcome = await this.#outcome(method, args, numbers ?? null);
    } catch (error) {
      outcome = { error: encodeError(error) };
    }
    this.#connection.send(Kind.answer, this.#codec.encode([id, outcome]));
  }

  async #outcome(
    method: string,
    args: readonly unknown[],
    numbers: Numbers | null,
  ): Promise<AnswerMessage[1]> {
    if (method === NEXT_PAGE) return this.#pager.next(args[0] as number);
    if (!METHODS.has(method)) throw new TypeError("no such method");
    const caller = { guest: this.#guest, numbers: numbers === null ? null : checked(numbers) };
    return this.#pager.answer(await this.#host.dispatch(method as keyof Engine, args, caller));
  }
}

function checked({ first, floor }: Numbers): Numbers {
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(floor))
    throw new TypeError("no number");
  return { first, floor };
}

function checkedNeeds({ durable, absoluteTtlMs, hasUsers }: Needs): Needs {
  const isLimited = typeof absoluteTtlMs === "number" && absoluteTtlMs > 0;
  return { durable, absoluteTtlMs: isLimited ? absoluteTtlMs : null, hasUsers };
}
