/** The public types, as a user's code meets them. Checked by `npm run typecheck`, never run. */
import session, { type SessionData } from "express-session";
import { describe, expectTypeOf, it } from "vitest";
import DefaultExport, {
  IsolatedStore,
  type IsolatedStoreClass,
  LiteNoSQLStore,
  type LiteNoSQLStoreClass,
  type SessionStore,
  StoreError,
  type StoreErrorCode,
  type StoreOptions,
  type StoreStats,
  type ExpiredSession,
  type FilesStats,
  type MigrationStats,
  type OverRedisStats,
  type UserSession,
} from "express-session-isolate";
import connect from "express-session-isolate/connect";

declare const store: IsolatedStore;
declare const data: SessionData;

describe("methods", () => {
  it("return promises when they are given no callback", () => {
    expectTypeOf(store.ready).toEqualTypeOf<Promise<void>>();
    expectTypeOf(store.get("a")).toEqualTypeOf<Promise<SessionData | null>>();
    expectTypeOf(store.set("a", data)).toEqualTypeOf<Promise<void>>();
    expectTypeOf(store.touch("a", data)).toEqualTypeOf<Promise<"OK" | "EXPIRED">>();
    expectTypeOf(store.destroy("a")).toEqualTypeOf<Promise<number>>();
    expectTypeOf(store.length()).toEqualTypeOf<Promise<number>>();
    expectTypeOf(store.ids()).toEqualTypeOf<Promise<string[]>>();
    expectTypeOf(store.all()).resolves.toExtend<(SessionData & { id: string })[]>();
    expectTypeOf(store.sessionsOf("user")).toEqualTypeOf<Promise<UserSession[]>>();
    expectTypeOf(store.destroyAllOf(7)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(store.destroyAllOf(7n, { except: "a" })).toEqualTypeOf<Promise<number>>();
    expectTypeOf(store.clear()).toEqualTypeOf<Promise<number>>();
    expectTypeOf(store.close()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(store.compact()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(store.stats()).toEqualTypeOf<Promise<StoreStats>>();
    expectTypeOf(store[Symbol.asyncDispose]()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(store._col.compactar()).toEqualTypeOf<Promise<void>>();
  });

  it("tell in stats of files or of Redis, of which redis is the sign", async () => {
    const stats = await store.stats();
    expectTypeOf(stats.sessions).toEqualTypeOf<number>();
    expectTypeOf(stats.walBytes).toEqualTypeOf<number | undefined>();
    if (stats.redis === undefined) {
      expectTypeOf(stats).toEqualTypeOf<FilesStats>();
      expectTypeOf(stats.walBytes).toEqualTypeOf<number>();
      expectTypeOf(stats.migration).toEqualTypeOf<undefined>();
    } else {
      expectTypeOf(stats).toEqualTypeOf<OverRedisStats>();
      expectTypeOf(stats.walBytes).toEqualTypeOf<undefined>();
      expectTypeOf(stats.migration).toEqualTypeOf<MigrationStats | undefined>();
    }
  });

  it("return nothing when they are given one", () => {
    const done = (_error?: unknown) => undefined;
    expectTypeOf(store.get("a", done)).toBeVoid();
    expectTypeOf(store.set("a", data, done)).toBeVoid();
    expectTypeOf(store.touch("a", data, done)).toBeVoid();
    expectTypeOf(store.destroy("a", done)).toBeVoid();
    expectTypeOf(store.length(done)).toBeVoid();
    expectTypeOf(store.ids(done)).toBeVoid();
    expectTypeOf(store.all(done)).toBeVoid();
    expectTypeOf(store.sessionsOf("user", done)).toBeVoid();
    expectTypeOf(store.destroyAllOf("user", done)).toBeVoid();
    expectTypeOf(store.destroyAllOf("user", { except: "a" }, done)).toBeVoid();
    expectTypeOf(store.clear(done)).toBeVoid();
    expectTypeOf(store.close(done)).toBeVoid();
    expectTypeOf(store.compact(done)).toBeVoid();
    expectTypeOf(store.stats(done)).toBeVoid();
  });

  it("tell a callback what it gets", () => {
    store.get("a", (_, found) =>
      expectTypeOf(found).toEqualTypeOf<SessionData | null | undefined>(),
    );
    store.destroy("a", (_, deleted) => expectTypeOf(deleted).toEqualTypeOf<number | undefined>());
    store.length((_, length) => expectTypeOf(length).toEqualTypeOf<number | undefined>());
    store.sessionsOf("user", (_, sessions) =>
      expectTypeOf(sessions).toEqualTypeOf<UserSession[] | undefined>(),
    );
  });

  it("refuse what is no user, and what is no option", () => {
    // @ts-expect-error an object is no user
    void store.sessionsOf({});
    // @ts-expect-error a misspelling is no option
    void store.destroyAllOf("user", { exept: "a" });
  });

  it("tell listeners what they get", () => {
    store.on("expired", (expired) => {
      expectTypeOf(expired).toEqualTypeOf<ExpiredSession>();
      expectTypeOf(expired.user).toEqualTypeOf<string | null>();
    });
    store.on("error", (error) => expectTypeOf(error).toEqualTypeOf<Error>());
    expectTypeOf<UserSession["session"]>().toEqualTypeOf<SessionData>();
  });
});

describe("the class", () => {
  it("is the same by each name, and express-session takes it for a store", () => {
    expectTypeOf(LiteNoSQLStore).toEqualTypeOf(IsolatedStore);
    expectTypeOf(DefaultExport).toEqualTypeOf(IsolatedStore);
    expectTypeOf<LiteNoSQLStoreClass>().toEqualTypeOf<IsolatedStoreClass>();
    expectTypeOf(store).toExtend<session.Store>();
    session({ secret: "s", store });
  });

  it("is the type of its instances, by each name", () => {
    const isolated: IsolatedStore = new LiteNoSQLStore({ directory: "d" });
    const compatible: LiteNoSQLStore = new IsolatedStore({ directory: "d" });
    expectTypeOf(isolated).toEqualTypeOf(compatible);
    expectTypeOf(isolated).toExtend<SessionStore>();
    expectTypeOf<DefaultExport>().toEqualTypeOf<IsolatedStore>();
  });

  it("comes from the factory too", () => {
    const Class = connect(session);
    expectTypeOf(new Class({ directory: "d" })).toExtend<session.Store>();
    expectTypeOf(new Class({ directory: "d" })).toEqualTypeOf<SessionStore>();
    expectTypeOf(new Class({ directory: "d" }).get("a")).toEqualTypeOf<
      Promise<SessionData | null>
    >();
  });
});

describe("options", () => {
  it("are known by both names", () => {
    expectTypeOf(IsolatedStore).toBeConstructibleWith({ directory: "d", collection: "c" });
    expectTypeOf(IsolatedStore).toBeConstructibleWith({ pasta: "d", modoDuravel: false });
    expectTypeOf({
      directory: "d",
      ttl: (of: SessionData) => of.cookie.maxAge ?? 1,
    }).toExtend<StoreOptions>();
    expectTypeOf(IsolatedStore).toBeConstructibleWith({ directory: "d", userOf: "passport.user" });
    expectTypeOf({
      directory: "d",
      absoluteTtl: 86_400,
      userOf: (of: SessionData) => of.cookie.path,
    }).toExtend<StoreOptions>();
  });

  it("are refused where they are none", () => {
    new IsolatedStore({ redis: "redis://localhost" });
    new IsolatedStore({ redis: { nodes: ["a:1"], tls: { ca: "x" } }, failAfterMs: 1, replicas: 1 });
    const redis = "redis://localhost";
    new IsolatedStore({ redis, migrateFrom: { directory: "d", encryptionKey: ["a", "b"] } });
    new IsolatedStore({ redis, migrateFrom: { redis, layout: "connect-redis", prefix: "p:" } });
    // @ts-expect-error a layout that there is not
    new IsolatedStore({ redis, migrateFrom: { redis, layout: "other" } });
    // @ts-expect-error a part of redis that there is not
    new IsolatedStore({ redis: { client: {} } });
    // @ts-expect-error the directory is required
    new IsolatedStore({});
    // @ts-expect-error a directory is a string
    new IsolatedStore({ directory: 1 });
    // @ts-expect-error a misspelling is no option
    new IsolatedStore({ directory: "d", durabel: true });
    // @ts-expect-error a user is a text or a number
    new IsolatedStore({ directory: "d", userOf: (of: SessionData) => of.cookie });
    // @ts-expect-error a limit is a number of seconds
    new IsolatedStore({ directory: "d", absoluteTtl: "1d" });
  });
});

describe("errors", () => {
  it("have a code of a closed set", () => {
    expectTypeOf<StoreError["code"]>().toEqualTypeOf<StoreErrorCode>();
    expectTypeOf<StoreErrorCode>().toEqualTypeOf<
      | "STORE_CLOSED"
      | "STORE_LOCKED"
      | "STORE_CORRUPT"
      | "STORE_KEY_MISMATCH"
      | "STORE_IO"
      | "STORE_FULL"
      | "STORE_OVERLOADED"
      | "STORE_UNCERTAIN"
      | "STORE_UNREACHABLE"
      | "STORE_DENIED"
      | "STORE_NOT_DURABLE"
      | "STORE_MIGRATED"
      | "DRIVER_MISSING"
      | "OPTIONS_DIFFER"
      | "WORKER_EXITED"
      | "NOT_SERIALIZABLE"
    >();
    expectTypeOf<StoreError>().toExtend<Error>();
  });
});
