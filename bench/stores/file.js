/** session-file-store: it fsyncs each file, and not its rename. */
import session from "express-session";

/** @type {import("./index.js").Contender} */
export const file = {
  label: "session-file-store",
  guarantee: "process",
  async open(directory) {
    const Store = (await import("session-file-store")).default(session);
    const store = new Store({ path: directory, reapInterval: -1, logFn() {} });
    return { store, close() {} };
  },
};
