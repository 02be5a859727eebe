import assert from "node:assert/strict";
import session, { type SessionData } from "express-session";
import DefaultImport, { LiteNoSQLStore as Named, StoreError } from "express-session-isolate";
import type { StoreErrorCode } from "express-session-isolate";
import connectDefault from "express-session-isolate/connect";
import LiteNoSQLStore = require("express-session-isolate");
import connect = require("express-session-isolate/connect");

const directory = process.argv[2] ?? "";
const Classes: (typeof LiteNoSQLStore)[] = [DefaultImport, Named, LiteNoSQLStore.default];
assert(Classes.every((Class) => Class === LiteNoSQLStore));
assert.equal(LiteNoSQLStore.StoreError, StoreError);
assert.equal(connectDefault, connect);
assert.equal(connect.default, connect);

async function main(): Promise<void> {
  const store: LiteNoSQLStore = new LiteNoSQLStore({ directory, collection: "cjs-ts" });
  const middleware = session({ secret: "s", resave: false, saveUninitialized: false, store });
  assert.equal(typeof middleware, "function");

  const data: SessionData = { cookie: { originalMaxAge: null } };
  await store.set("a", data);
  assert((await store.get("a")) !== null);
  await store.close();
  const code: StoreErrorCode = "STORE_CLOSED";
  await assert.rejects(
    store.get("a"),
    (error) => error instanceof StoreError && error.code === code,
  );

  const FromFactory = connect(session);
  const made = new FromFactory({ directory, collection: "cjs-ts-factory" });
  await made.ready;
  await made.close();
}

void main();
