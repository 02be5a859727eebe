/**
 * The suite over stores with a key. Callbacks and promises make no difference to the engine, nor does
 * the thread that it is on, so that each configuration of the engine is on one thread and called in
 * one form only. Without a key, the suite is over both threads, durable and not.
 */
import { storeFactory } from "./store-factory.js";
import { storeSuite } from "./suite.js";

const encryptionKey = "a key of the test's own";

storeSuite(
  "isolated, encrypted",
  storeFactory({ isolate: true, encryptionKey }, { forms: ["promise"] }),
);
storeSuite(
  "in-thread, encrypted, not durable",
  storeFactory({ isolate: false, encryptionKey, durable: false }, { forms: ["callback"] }),
);
