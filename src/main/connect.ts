/*
 * The factory that connect-style loaders such as Sails expect: takes their express-session, returns
 * the class. Such loaders pass their whole configuration, so unknown keys are ignored.
 */
import { OPTION_NAMES } from "./options/given.js";
import { type IsolatedStoreClass, type StoreBase, storeClass } from "./store.js";

/**
 * Makes the store a subclass of the `Store` of this express-session. Unlike the constructor of
 * `express-session-isolate`, that of the class ignores unknown options.
 * @param session express-session, or anything that has its `Store`
 *
 * @example
 * ```ts
 * const IsolatedStore = connect(session);
 * const store = new IsolatedStore({ directory: "./data" });
 * ```
 */
export default function connect(session: { Store: StoreBase }): IsolatedStoreClass {
  return storeClass(session.Store, (options) => {
    const given = Object.entries(options ?? {});
    return Object.fromEntries(given.filter(([name]) => OPTION_NAMES.includes(name)));
  });
}
