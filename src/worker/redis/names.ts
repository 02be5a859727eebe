/**
 * The names of keys. A plain id stands in them as it is, for people who look, but for what is not
 * printable ASCII. With a key they are digests: of the id alone, which is hard to guess, so that it
 * stays the same when the key is changed; of a user with the key.
 */
import type { Seals } from "./seal.js";

/** Printable ASCII without the escape character. */
const PLAIN = /^[!-$&-~]+$/;
const NOT_PLAIN = /[^!-$&-~]/g;

export class Names {
  readonly #prefix: string;
  readonly #seals: Seals | null;

  constructor(prefix: string, seals: Seals | null) {
    this.#prefix = prefix;
    this.#seals = seals;
  }

  /** What the sessions' keys begin with. */
  get sessions(): string {
    return `${this.#prefix}s:`;
  }

  /** The key that tells whose passwords the sessions are encrypted with. */
  get check(): string {
    return `${this.#prefix}key`;
  }

  /** The key of a session. */
  session(sid: string): string {
    return this.sessions + (this.#seals === null ? escape(sid) : this.#seals.digest(sid));
  }

  /** The id of a session by its key, which tells it if it is not encrypted. */
  sid(key: string): string {
    return unescape(key.slice(this.sessions.length));
  }

  /** A user as sessions name it; with several passwords, the first stands for what is written. */
  users(user: string): readonly [string, ...string[]] {
    return this.#seals === null ? [`=${escape(user)}`] : this.#seals.users(user);
  }

  /** Dual of {@link users}; null if it is a digest. */
  user(name: string): string | null {
    return this.#seals === null ? unescape(name.slice(1)) : null;
  }

  /** The key of the list of a user's sessions. */
  listOf(user: string): string {
    return `${this.#prefix}u:${user}`;
  }

  /** The keys of all sessions, for a walk. */
  get all(): { readonly pattern: string; readonly type: "hash" } {
    return { pattern: patternOf(this.sessions), type: "hash" };
  }
}

/** The pattern, as SCAN takes it, of all keys that begin with a text. */
export function patternOf(start: string): string {
  return `${start.replace(/[\\*?[\]]/g, "\\$&")}*`;
}

/** Any text, one character for each that is plain, and a different one for each different text. */
function escape(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(NOT_PLAIN, (char) => `%${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function unescape(escaped: string): string {
  if (!escaped.includes("%")) return escaped;
  return escaped.replace(/%([0-9a-f]{4})/g, (_, code: string) =>
    String.fromCharCode(parseInt(code, 16)),
  );
}
