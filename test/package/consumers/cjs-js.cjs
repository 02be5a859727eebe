const assert = require("node:assert/strict");
const session = require("express-session");
const LiteNoSQLStore = require("express-session-isolate");
const connect = require("express-session-isolate/connect");

assert.equal(typeof LiteNoSQLStore, "function");
assert.equal(LiteNoSQLStore.default, LiteNoSQLStore);
assert.equal(LiteNoSQLStore.LiteNoSQLStore, LiteNoSQLStore);
assert.equal(new LiteNoSQLStore.StoreError("STORE_IO", "x").code, "STORE_IO");
assert.equal(connect.default, connect);

async function main(directory) {
  for (const Class of [LiteNoSQLStore, connect(session)]) {
    for (const isolate of [true, false]) {
      const store = new Class({ directory, collection: "cjs-js", isolate });
      assert(store instanceof session.Store);
      await store.set("a", { cookie: {}, user: 1 });
      assert.equal((await store.get("a")).user, 1);
      await store.close();
      await assert.rejects(store.get("a"), (error) => error instanceof LiteNoSQLStore.StoreError);
    }
  }
}

main(process.argv[2]);
