import assert from "node:assert/strict";
import session, { type SessionData } from "express-session";
import LiteNoSQLStore, {
  LiteNoSQLStore as Named,
  StoreError,
  type StoreErrorCode,
} from "express-session-isolate";
import connect from "express-session-isolate/connect";

declare module "express-session" {
  interface SessionData {
    user?: number;
  }
}

const directory = process.argv[2] ?? "";
const Class: typeof LiteNoSQLStore = Named;
const store: LiteNoSQLStore = new Class({ directory, collection: "esm-ts" });
const middleware = session({ secret: "s", resave: false, saveUninitialized: false, store });
assert.equal(typeof middleware, "function");

const data: SessionData = { cookie: { originalMaxAge: null }, user: 1 };
await store.set("a", data);
const found = await store.get("a");
assert.equal(found?.user, 1);
await store.close();
const code: StoreErrorCode = "STORE_CLOSED";
await assert.rejects(store.get("a"), (error) => error instanceof StoreError && error.code === code);

const FromFactory = connect(session);
const made = new FromFactory({ directory, collection: "esm-ts-factory" });
await made.ready;
await made.close();
