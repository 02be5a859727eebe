/* The public exports. */
import session from "express-session";

import type { IsolatedStoreClass } from "./session-store.js";
import { storeClass } from "./store.js";

const Base: IsolatedStoreClass = storeClass(session.Store);

/**
 * A session store for express-session that keeps sessions in files. Its disk access, encryption and
 * garbage collection run in a worker thread.
 *
 * Also exported as `LiteNoSQLStore`, for applications that move from express-lite-nosql-session,
 * and as the default export.
 *
 * @example
 * ```ts
 * const store = new IsolatedStore({ directory: "./data" });
 * app.use(session({ secret, resave: false, saveUninitialized: false, store }));
 * await store.ready; // rejects if the collection cannot be opened
 * ```
 */
export class IsolatedStore extends Base {}
export { IsolatedStore as LiteNoSQLStore, IsolatedStore as default };

export { StoreError, type StoreErrorCode } from "../protocol/errors.js";
export type { StoreOptions } from "./options/public.js";
export type { Serializer, Ttl, UserOption } from "./options/values.js";
export type {
  MigrateFromConnectRedis,
  MigrateFromFiles,
  RedisNode,
  RedisOptions,
} from "./options/public-redis.js";
export type {
  ExpiredSession,
  FilesStats,
  IsolatedStoreClass,
  IsolatedStoreClass as LiteNoSQLStoreClass,
  ListedSession,
  MigrationStats,
  OverRedisStats,
  RedisStats,
  SessionStore,
  StoreStats,
  UserSession,
} from "./session-store.js";
