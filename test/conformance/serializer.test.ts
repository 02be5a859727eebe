/** The suite over a store with a serializer of the application's own, whose texts are not JSON. */
import { storeFactory } from "./store-factory.js";
import { storeSuite } from "./suite.js";

const BASE64 = {
  stringify: (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64"),
  parse: (text: string) => JSON.parse(Buffer.from(text, "base64").toString()) as never,
};

storeSuite(
  "texts that are not JSON",
  storeFactory({ serializer: BASE64 }, { forms: ["promise"] }),
  // This serializer makes none.
  { differences: ["dates"] },
);
