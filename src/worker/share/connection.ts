/** A socket as whoever uses it sees it: frames that come and go, and an end. */
import type { Socket } from "node:net";

import { nextTick } from "../../protocol/timers.js";
import { EMPTY, encodeFrame, type Frame, FrameReader } from "./frames.js";
import { MAX_FRAME_BYTES, MAX_HANDSHAKE_BYTES } from "./messages.js";

interface Events {
  /** Whatever it throws ends the connection: the other end is not what it seems. */
  readonly onFrame: (frame: Frame) => void;
  /** Called once, after the last frame. */
  readonly onEnd: () => void;
}

export class Connection {
  readonly #socket: Socket;
  readonly #events: Events;
  readonly #maxUnreadBytes: number;
  readonly #reader = new FrameReader(MAX_HANDSHAKE_BYTES);
  #hasEnded = false;

  /**
   * Keeps no process alive.
   * @param maxUnreadBytes what may wait to be read by the other end before nothing more is read of it.
   * Of one end only: two that waited for each other would do so for ever
   */
  constructor(socket: Socket, events: Events, maxUnreadBytes = Infinity) {
    this.#socket = socket;
    this.#events = events;
    this.#maxUnreadBytes = maxUnreadBytes;
    socket.unref();
    socket.on("data", (chunk: Buffer) => {
      this.#read(chunk);
    });
    socket.on("drain", () => socket.resume());
    const end = (): void => {
      this.#end();
    };
    socket.on("end", end);
    // What has failed is closed next.
    socket.on("error", () => undefined);
    socket.on("close", end);
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** For when the other end has proved who it is. */
  trust(): void {
    this.#reader.limit = MAX_FRAME_BYTES;
  }

  /** What is sent in one turn goes out together. */
  send(kind: number, body: Uint8Array = EMPTY): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    if (socket.writableCorked === 0) {
      socket.cork();
      nextTick(() => {
        socket.uncork();
      });
    }
    socket.write(encodeFrame(kind, body));
    if (socket.writableLength > this.#maxUnreadBytes) socket.pause();
  }

  /** Ends it. @returns a promise that resolves when the other end has read everything, or is gone */
  finish(): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      if (socket.closed) resolve();
      socket.once("close", () => {
        resolve();
      });
      socket.resume();
      socket.end();
    });
  }

  /** Ends it at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#end();
  }

  #read(chunk: Buffer): void {
    this.#reader.push(chunk);
    try {
      while (!this.#hasEnded) {
        const frame = this.#reader.next();
        if (frame === null) return;
        this.#events.onFrame(frame);
      }
    } catch {
      this.destroy();
    }
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#events.onEnd();
  }
}
