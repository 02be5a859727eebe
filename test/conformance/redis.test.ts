/**
 * The suite over stores that keep their sessions in a real Redis server. That a worker may be opened
 * anew before each reading is proved over files.
 */
import { afterAll, describe } from "vitest";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { storeFactory } from "./store-factory.js";
import { storeSuite } from "./suite.js";

const encryptionKey = "a key of the test's own";

const server = HAS_SERVER ? await Server.start() : null;
afterAll(() => server?.stop());

let prefixes = 0;
const place = () => ({ redis: { url: server!.url, prefix: `store ${++prefixes}:` } });

describe.skipIf(!HAS_SERVER)("over Redis", () => {
  storeSuite("isolated", storeFactory({ isolate: true }, { place, forms: ["callback"] }), {
    differences: ["journal"],
    veryLarge: true,
  });
  storeSuite(
    "isolated, encrypted",
    storeFactory({ isolate: true, encryptionKey }, { place, forms: ["promise"] }),
    { differences: ["journal"] },
  );
  storeSuite(
    "in-thread, encrypted, reopened before each reading",
    storeFactory(
      { isolate: false, encryptionKey },
      { place, forms: ["promise"], reopenAtCheckpoints: true },
    ),
    { differences: ["journal"] },
  );
  storeSuite("in-thread", storeFactory({ isolate: false }, { place, forms: ["callback"] }), {
    differences: ["journal"],
  });
});
