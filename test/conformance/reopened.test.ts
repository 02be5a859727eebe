/** The suite over stores that are closed and opened again between writing and reading. */
import { storeFactory } from "./store-factory.js";
import { storeSuite } from "./suite.js";

const encryptionKey = "a key of the test's own";

storeSuite(
  "reopened before each reading",
  storeFactory({ isolate: true }, { forms: ["promise"], reopenAtCheckpoints: true }),
  { veryLarge: true },
);
storeSuite(
  "encrypted, reopened before each reading",
  storeFactory(
    { isolate: false, encryptionKey },
    { forms: ["callback"], reopenAtCheckpoints: true },
  ),
  { veryLarge: true },
);
