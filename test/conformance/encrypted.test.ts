/**
 * The suite over stores with a key. Callbacks and promises make no difference to the engine, so each
 * configuration is called in one form only.
 */
import { storeFactory } from "./store-factory.js";
import { storeSuite } from "./suite.js";

const encryptionKey = "a key of the test's own";

storeSuite(
  "isolated, encrypted",
  storeFactory({ isolate: true, encryptionKey }, { forms: ["promise"] }),
);
storeSuite(
  "isolated, encrypted, not durable",
  storeFactory({ isolate: true, encryptionKey, durable: false }, { forms: ["callback"] }),
);
storeSuite(
  "in-thread, encrypted",
  storeFactory({ isolate: false, encryptionKey }, { forms: ["callback"] }),
);
storeSuite(
  "in-thread, encrypted, not durable",
  storeFactory({ isolate: false, encryptionKey, durable: false }, { forms: ["promise"] }),
);
