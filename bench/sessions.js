/** The sessions that all contenders store: ids and bodies that depend on their number alone. */
import { createHash } from "node:crypto";
import session from "express-session";

/** A session as JSON, where nothing else is said. */
export const SESSION_BYTES = 780;

/** Lifetime of a session that is not meant to expire during a run. */
export const DAY_MS = 86_400_000;

/** The id of session `number`: 32 characters, as express-session makes them. */
export function sessionId(number) {
  return createHash("sha256").update(`session ${number}`).digest("base64url").slice(0, 32);
}

export function sessionIds(count) {
  return Array.from({ length: count }, (_, number) => sessionId(number));
}

/** What an application keeps in session `number`, without the cookie. */
function content(number) {
  return {
    user: {
      id: number,
      name: `user ${number}`,
      email: `user-${number}@example.com`,
      roles: ["reader", "editor"],
      locale: "pt-BR",
    },
    csrf: sessionId(-number),
    cart: Array.from({ length: 4 }, (_, item) => ({ sku: `sku-${item}`, quantity: 1 + item })),
    flash: [],
    views: 0,
  };
}

/** Session `number`, `bytes` long as JSON, with the cookie object that express-session gives it. */
export function sessionBody(number, bytes, maxAgeMs = DAY_MS) {
  const body = { cookie: new session.Cookie({ maxAge: maxAgeMs }), ...content(number), note: "" };
  const missing = bytes - JSON.stringify(body).length;
  if (missing < 0) throw new RangeError(`a session does not fit into ${bytes} bytes`);
  body.note = "lorem ipsum dolor sit amet ".repeat(missing / 27 + 1).slice(0, missing);
  return body;
}

/** Numbers from 0 to 1, the same in every run for the same seed (mulberry32). */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
