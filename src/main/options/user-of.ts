/** The option `userOf`: whose a session is. */
import { describeType } from "./given.js";

/** The user of a session, or null. */
export type UserOf = (session: object) => string | null;

/**
 * A user as text: what tells users apart. Null for one that is undefined or null.
 * @throws TypeError
 */
export function userText(user: unknown, what = "the user"): string | null {
  if (user === undefined || user === null) return null;
  if (typeof user === "string") return user;
  if (typeof user === "number" || typeof user === "bigint") return String(user);
  throw new TypeError(`${what} must be a string or a number, got ${describeType(user)}`);
}

/**
 * @param value a function of the session, or the path of a field such as `passport.user`
 * @throws TypeError, RangeError
 */
export function userOfOption(value: unknown): UserOf | null {
  if (value === undefined) return null;
  if (typeof value === "function") {
    const userOf = value as (session: object) => unknown;
    return (session) => userText(userOf(session), 'what the option "userOf" returns');
  }
  if (typeof value !== "string") {
    throw new TypeError(
      `option "userOf" must be a function of the session or a path such as "passport.user", got ` +
        describeType(value),
    );
  }
  const names = value.split(".");
  if (names.includes("")) {
    throw new RangeError(`option "userOf" must be a path such as "passport.user", got "${value}"`);
  }
  return (session) => userText(fieldAt(session, names), `${value} (option "userOf")`);
}

function fieldAt(session: object, names: readonly string[]): unknown {
  let field: unknown = session;
  for (const name of names) {
    if (typeof field !== "object" || field === null || !Object.hasOwn(field, name)) return null;
    field = (field as Record<string, unknown>)[name];
  }
  return field;
}
