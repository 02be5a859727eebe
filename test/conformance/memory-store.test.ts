/**
 * The suite over MemoryStore: the test of the suite itself. What it asks of any store is what
 * express-session's own store does, and the differences of that one prove that the suite can fail.
 */
import session from "express-session";
import { storeSuite } from "./suite.js";

storeSuite(
  "MemoryStore",
  {
    forms: ["callback"],
    open: () => new session.MemoryStore(),
    release: () => Promise.resolve(),
  },
  {
    differences: [
      "promises",
      "answers",
      "array",
      "ids",
      "lifetime",
      "keep cookie",
      "checks",
      "dates",
      "life",
      "journal",
    ],
  },
);
