/** The public exports, and nothing else. */
import session from "express-session";

import {
  type LiteNoSQLStore as LiteNoSQLStoreInterface,
  type LiteNoSQLStoreClass,
  storeClass,
} from "./store.js";

/** The store: `new LiteNoSQLStore({ directory: "./data" })`. */
export const LiteNoSQLStore: LiteNoSQLStoreClass = storeClass(session.Store);
export type LiteNoSQLStore = LiteNoSQLStoreInterface;
export default LiteNoSQLStore;

export { StoreError, type StoreErrorCode } from "../protocol/errors.js";
export type { Serializer, StoreOptions, Ttl } from "./options.js";
export type { ListedSession, LiteNoSQLStoreClass, StoreStats } from "./store.js";
