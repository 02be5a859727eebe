import assert from "node:assert/strict";
import session from "express-session";
import LiteNoSQLStore, * as api from "express-session-isolate";
import connect from "express-session-isolate/connect";

assert.equal(api.LiteNoSQLStore, LiteNoSQLStore);
assert.equal(new api.StoreError("STORE_IO", "x").code, "STORE_IO");

const directory = process.argv[2];
for (const Class of [LiteNoSQLStore, connect(session)]) {
  for (const isolate of [true, false]) {
    const options = { directory, collection: "esm-js", isolate };
    const store = new Class(options);
    assert(store instanceof session.Store);
    await store.set("a", { cookie: {}, user: 1 });
    assert.equal((await store.get("a")).user, 1);
    const alone = new Class({ ...options, share: false });
    await assert.rejects(alone.get("a"), isStoreError("STORE_LOCKED"));
    await store.close();
    await assert.rejects(store.get("a"), isStoreError("STORE_CLOSED"));
  }
}

function isStoreError(code) {
  return (error) => error instanceof api.StoreError && error.code === code;
}
