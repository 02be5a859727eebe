/**
 * A process that has a store open, on behalf of the test that forked it: opens one with the options
 * of its first argument, says how that went, and does what it is told.
 */
import process from "node:process";
import LiteNoSQLStore from "express-session-isolate";

const store = new LiteNoSQLStore(JSON.parse(process.argv[2]));
// What nobody waits for is not this process's business.
store.on("error", () => undefined);

const ACTIONS = {
  close: () => store.close(),
  set: (sid, session) => store.set(sid, session),
  get: (sid) => store.get(sid),
};

process.on("message", async ([action, ...args]) => {
  try {
    process.send({ value: (await ACTIONS[action](...args)) ?? null });
  } catch ({ code, message }) {
    process.send({ code, message });
  }
});

try {
  await store.ready;
  process.send({ value: "ready" });
} catch ({ code, message }) {
  process.send({ code, message });
}
