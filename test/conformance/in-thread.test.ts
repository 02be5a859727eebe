/** The suite over stores whose engine is on the calling thread. */
import { storeFactory } from "./store-factory.js";
import { storeSuite } from "./suite.js";

storeSuite("in-thread", storeFactory({ isolate: false }));
storeSuite(
  "in-thread, not durable",
  storeFactory({ isolate: false, durable: false }, { forms: ["promise"] }),
);
