/** The tokens of writes: each names its write, and is found in the session that it has stored. */
import { randomNonce } from "../ports/nonce.js";

/** Of how many sessions the last token is remembered, at least: of up to twice as many it is. */
const MIN_KNOWN = 10_000;

export class Tokens {
  /** The name of this process in its tokens. */
  readonly name = `${randomNonce()}.`;
  /** Those that were learned lately, and before that: when there are many, the older ones go at once. */
  #young = new Map<string, string>();
  #old = new Map<string, string>();
  #number = 0;

  /** The number of the next write. */
  next(): number {
    return ++this.#number;
  }

  tokenOf(number: string): string {
    return this.name + number;
  }

  /** The token of the last write of a session that is known here; empty if none is. */
  last(sid: string): string {
    return this.#young.get(sid) ?? this.#old.get(sid) ?? "";
  }

  /** For when a session was seen or stored with a token. */
  learn(sid: string, token: string): void {
    this.#young.set(sid, token);
    if (this.#young.size < MIN_KNOWN) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  forget(sid: string): void {
    this.#young.delete(sid);
    this.#old.delete(sid);
  }
}
