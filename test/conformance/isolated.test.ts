/** The suite over stores whose engine is in a worker thread. */
import { storeFactory } from "./store-factory.js";
import { storeSuite } from "./suite.js";

storeSuite("isolated", storeFactory({ isolate: true }), { veryLarge: true });
storeSuite(
  "isolated, not durable",
  storeFactory({ isolate: true, durable: false }, { forms: ["callback"] }),
);
