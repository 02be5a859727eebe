/**
 * Loads the package in a separate realm with a document, as Jest does with jsdom. There, built-in
 * classes such as Error differ from those that Node's own modules use, and import() fails.
 */
const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const { wrap } = require("node:module");
const { dirname, join } = require("node:path");
const { createContext, runInContext } = require("node:vm");

const { process, Buffer, console, performance, URL, AbortController, FinalizationRegistry } =
  globalThis;
const context = createContext({
  ...{ process, Buffer, console, performance, URL, AbortController, FinalizationRegistry },
  ...{ setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, queueMicrotask },
  document: { baseURI: "http://localhost/" },
});
const loaded = new Map();

function load(file) {
  const known = loaded.get(file);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(file, module);
  const directory = dirname(file);
  const requireHere = (name) =>
    name.startsWith(".") ? load(join(directory, name)) : require(name);
  requireHere.resolve = (name) => join(directory, name);
  const run = runInContext(wrap(readFileSync(file, "utf8")), context, { filename: file });
  run(module.exports, requireHere, module, file, directory);
  return module.exports;
}

async function main(directory) {
  const LiteNoSQLStore = load(require.resolve("express-session-isolate"));
  for (const isolate of [true, false]) {
    const options = { directory, collection: `realm-${isolate}`, isolate };
    const store = new LiteNoSQLStore(options);
    await store.set("a", { cookie: { expires: new Date(Date.now() + 1e6) }, user: 1 });
    assert.equal((await store.get("a")).user, 1);
    const alone = new LiteNoSQLStore({ ...options, share: false });
    await assert.rejects(alone.get("a"), { code: "STORE_LOCKED" });
    await store.close();
  }
}

main(process.argv[2]);
