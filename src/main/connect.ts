/**
 * The factory form that connect-style loaders such as Sails expect: given their express-session, it
 * answers the class. Such loaders pass their whole configuration, so what is no option is ignored.
 */
import { OPTION_NAMES } from "./options/given.js";
import { type LiteNoSQLStoreClass, type StoreBase, storeClass } from "./store.js";

/** @param session express-session, or anything that has its `Store` */
export default function connect(session: { Store: StoreBase }): LiteNoSQLStoreClass {
  return storeClass(session.Store, (options) => {
    const given = Object.entries(options ?? {});
    return Object.fromEntries(given.filter(([name]) => OPTION_NAMES.includes(name)));
  });
}
