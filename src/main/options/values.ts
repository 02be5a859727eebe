/* What the values of options may be that are no plain ones. */
import type { SessionData } from "express-session";

/** Turns a session into text and back, synchronously. Runs on the calling thread. */
export interface Serializer {
  /**
   * For a touch it is given the cookie alone, as `{ cookie }`. If it throws or returns anything but
   * a string, the call fails with `NOT_SERIALIZABLE`.
   */
  stringify(session: object): string;
  /**
   * If it throws, the session is reported as `STORE_CORRUPT` and not served; it stays in the files.
   * If it returns a promise, the call fails with a TypeError.
   */
  parse(text: string): object;
}

/**
 * Lifetime, in seconds, of a session whose cookie sets none; possibly a function of the session.
 */
export type Ttl = number | ((session: SessionData) => number);

/** A function that tells whose a session is, or the path of the field that does. */
export type UserOption =
  string | ((session: SessionData) => string | number | bigint | null | undefined);
