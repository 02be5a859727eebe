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
    expectTypeOf(store.clear()).toEqualTypeOf<Promise<number>>();
    expectTypeOf(store.close()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(store.compact()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(store.stats()).toEqualTypeOf<Promise<StoreStats>>();
    expectTypeOf(store[Symbol.asyncDispose]()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(store._col.compactar()).toEqualTypeOf<Promise<void>>();
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
  });

  it("are refused where they are none", () => {
    // @ts-expect-error the directory is required
    new IsolatedStore({});
    // @ts-expect-error a directory is a string
    new IsolatedStore({ directory: 1 });
    // @ts-expect-error a misspelling is no option
    new IsolatedStore({ directory: "d", durabel: true });
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
      | "STORE_OVERLOADED"
      | "WORKER_EXITED"
      | "NOT_SERIALIZABLE"
    >();
    expectTypeOf<StoreError>().toExtend<Error>();
  });
});
