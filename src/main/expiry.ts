/** When a session expires: as its cookie says, else after the store's default lifetime. */
import { types } from "node:util";

import { type DefaultTtl, NEVER } from "./options/resolve.js";

/**
 * `cookie.expires`, else now + `cookie.maxAge`, else now + the default; in epoch milliseconds. An
 * invalid date is treated as absent.
 */
export function expiryOf(session: object, now: number, defaultTtlMs: DefaultTtl): number {
  const cookie: unknown = "cookie" in session ? session.cookie : undefined;
  if (typeof cookie === "object" && cookie !== null) {
    const expires = "expires" in cookie ? toTime(cookie.expires) : null;
    if (expires !== null) return clamp(expires);
    const maxAge: unknown = "maxAge" in cookie ? cookie.maxAge : undefined;
    if (typeof maxAge === "number" && Number.isFinite(maxAge)) return clamp(now + maxAge);
  }
  return clamp(now + defaultTtlMs(session));
}

function toTime(expires: unknown): number | null {
  const isDate =
    types.isDate(expires) || typeof expires === "string" || typeof expires === "number";
  const time = isDate ? new Date(expires).getTime() : NaN;
  return Number.isNaN(time) ? null : time;
}

/** Whole milliseconds, within the range of a date. */
function clamp(time: number): number {
  return Math.max(0, Math.min(NEVER, Math.ceil(time)));
}
