/**
 * A process in which every callback throws, as a test's child: `node callbacks-throw.js <kind>
 * <method>...`, with the directory for the store in DIRECTORY. Calls one method after the other and
 * prints, as JSON, whose callbacks were called and what became of their errors. The method "expired"
 * is the event, of which a listener throws.
 */
import session from "express-session";
import LiteNoSQLStore from "express-session-isolate";

const [kind, ...methods] = process.argv.slice(2);

const store =
  kind === "MemoryStore"
    ? new session.MemoryStore()
    : new LiteNoSQLStore({ directory: process.env.DIRECTORY, isolate: kind === "isolate: true" });

const seen = { calls: [], uncaughtException: [], unhandledRejection: [] };
process.on("uncaughtException", (error, origin) => {
  seen[origin].push(error.message);
  // The first call of the next method: another call of this one's callback would come before it.
  if (origin === "uncaughtException") setImmediate(callNext);
});
process.on("exit", () => {
  console.log(JSON.stringify(seen));
});

function callNext() {
  const method = methods.shift();
  if (method === undefined) return;
  if (method === "expired") {
    expire();
    return;
  }
  const sid = ["get", "set", "touch", "destroy"].includes(method) ? ["a"] : [];
  const value = ["set", "touch"].includes(method) ? [{ cookie: {} }] : [];
  store[method](...sid, ...value, () => {
    seen.calls.push(method);
    throw new Error(method);
  });
}

/** Has a session expire, and a call come across it. */
async function expire() {
  // No call is on its way that would keep the process alive until then.
  const alive = setInterval(() => undefined, 1000);
  store.once("expired", () => {
    clearInterval(alive);
    seen.calls.push("expired");
    throw new Error("expired");
  });
  await store.set("b", {});
  await store.touch("b", { cookie: { expires: new Date(0) } });
  await store.get("b");
}

callNext();
