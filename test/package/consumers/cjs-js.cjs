const assert = require("node:assert/strict");
const session = require("express-session");
const LiteNoSQLStore = require("express-session-isolate");
const connect = require("express-session-isolate/connect");

assert.equal(typeof LiteNoSQLStore, "function");
assert.equal(LiteNoSQLStore.default, LiteNoSQLStore);
assert.equal(LiteNoSQLStore.LiteNoSQLStore, LiteNoSQLStore);
assert.equal(new LiteNoSQLStore.StoreError("STORE_IO", "x").code, "STORE_IO");
assert.equal(connect.default, connect);

/** Only `isolate: false` needs the engine outside its worker. */
const engineLoaded = () => Object.keys(require.cache).some((file) => /engine\.cjs$/.test(file));

async function main(directory) {
  for (const isolate of [true, false]) {
    for (const Class of [LiteNoSQLStore, connect(session)]) {
      const options = { directory, collection: "cjs-js", isolate };
      const store = new Class(options);
      assert(store instanceof session.Store);
      await store.set("a", { cookie: {}, user: 1 });
      assert.equal((await store.get("a")).user, 1);
      const alone = new Class({ ...options, share: false });
      await assert.rejects(alone.get("a"), isStoreError("STORE_LOCKED"));
      await store.close();
      await assert.rejects(store.get("a"), isStoreError("STORE_CLOSED"));
    }
    assert.equal(engineLoaded(), !isolate);
  }
}

function isStoreError(code) {
  return (error) => error instanceof LiteNoSQLStore.StoreError && error.code === code;
}

main(process.argv[2]);
