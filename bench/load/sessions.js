/** The sessions that all contenders store: ids and bodies that depend on their number alone. */
import { createHash, createHmac } from "node:crypto";
import session from "express-session";
import { closedLoop } from "./loops.js";

/** Length of a session as JSON, unless something else is said. */
export const BYTES = 780;
export const DAY_MS = 86_400_000;
export const COOKIE = "connect.sid";
export const SECRET = "a secret of the benchmark";

/** 32 characters, as express-session makes them. @param {number} number */
export function sessionId(number) {
  return createHash("sha256").update(`session ${number}`).digest("base64url").slice(0, 32);
}

/** What a browser sends that has this session. */
export function cookieOf(/** @type {number} */ number) {
  const sid = sessionId(number);
  const mac = createHmac("sha256", SECRET).update(sid).digest("base64").replace(/=+$/, "");
  return `${COOKIE}=${encodeURIComponent(`s:${sid}.${mac}`)}`;
}

/** @param {number} number @returns {any} a session, as an application and express-session make it */
export function sessionBody(number, bytes = BYTES, maxAge = DAY_MS) {
  const [name, email] = [`user ${number}`, `user-${number}@example.com`];
  const body = {
    cookie: Object.assign(new session.Cookie(), { maxAge }),
    user: { id: number, name, email, roles: ["reader", "editor"], locale: "pt-BR" },
    csrf: sessionId(-number),
    cart: Array.from({ length: 4 }, (_, item) => ({ sku: `sku-${item}`, quantity: 1 + item })),
    flash: [],
    views: 0,
    note: "",
  };
  const missing = bytes - JSON.stringify(body).length;
  body.note = "lorem ipsum dolor sit amet ".repeat(missing / 27 + 1).slice(0, missing);
  return body;
}

/**
 * Stores sessions whose numbers are `from` and following.
 * @param {import("express-session").Store} store @param {number} from @param {number} count
 */
export async function fill(store, from, count, bytes = BYTES, maxAgeMs = () => DAY_MS) {
  let number = from;
  const next = () => (number < from + count ? number++ : undefined);
  await closedLoop(Math.min(256, count), next, (each, done) => {
    store.set(sessionId(each), sessionBody(each, bytes, maxAgeMs()), done);
  });
}
