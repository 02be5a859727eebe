/** The public exports, and nothing else. */
import session from "express-session";

import { storeClass } from "./store.js";

/** The store: `new LiteNoSQLStore({ directory: "./data" })`. */
export class LiteNoSQLStore extends storeClass(session.Store) {}
export default LiteNoSQLStore;

export { StoreError, type StoreErrorCode } from "../protocol/errors.js";
export type { Serializer, StoreOptions, Ttl } from "./options/public.js";
export type { ListedSession, LiteNoSQLStoreClass, StoreStats } from "./store.js";
