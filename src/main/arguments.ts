/** What the methods of the store are given: wrong arguments are TypeErrors. */
import { describeType } from "./options/given.js";

export function assertSid(sid: unknown): asserts sid is string {
  if (typeof sid !== "string") {
    throw new TypeError(`the session id must be a string, got a value of type ${typeof sid}`);
  }
}

export function assertSession(session: unknown): asserts session is object {
  if (typeof session !== "object" || session === null) {
    throw new TypeError(`the session must be an object, got ${describeType(session)}`);
  }
}

/**
 * The id in the options of `destroyAllOf`, or null. They are checked with care: a mistake here would
 * end the session that was to stay.
 */
export function exceptOf(options: unknown): string | null {
  if (options === undefined || options === null) return null;
  if (typeof options !== "object") {
    throw new TypeError(
      `the options of destroyAllOf must be an object such as { except: sid }, got ${describeType(options)}`,
    );
  }
  for (const name of Object.keys(options)) {
    if (name !== "except") {
      throw new TypeError(`destroyAllOf has no option "${name}": its only one is "except"`);
    }
  }
  if (!("except" in options)) return null;
  assertSid(options.except);
  return options.except;
}
