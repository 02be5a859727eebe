/*
 * The factory that connect-style loaders such as Sails expect: takes their express-session, returns
 * the class. Such loaders pass their whole configuration, so keys of other things are ignored.
 */
import { describeType, pickOptions } from "./options/given.js";
import type { IsolatedStoreClass } from "./session-store.js";
import { type StoreBase, storeClass } from "./store.js";

/**
 * Makes the store a subclass of the `Store` of this express-session. Unlike the constructor of
 * `express-session-isolate`, that of the class ignores unknown options, unless they are misspelled
 * ones.
 * @param session express-session, or anything that has its `Store`
 * @throws TypeError if it is given anything else
 *
 * @example
 * ```ts
 * const IsolatedStore = connect(session);
 * const store = new IsolatedStore({ directory: "./data" });
 * ```
 */
export default function connect(session: { Store: StoreBase }): IsolatedStoreClass {
  const Store: unknown = (session as Partial<typeof session> | undefined)?.Store;
  if (typeof Store !== "function") {
    throw new TypeError(
      "connect must be called with express-session, as connect(session), and returns the class " +
        `to construct with options; got ${describeType(session)}`,
    );
  }
  return storeClass(session.Store, (options) => pickOptions(options ?? {}));
}
