/** The thread behind echo-store.js: a text for an id, null for a pair of id and text. */
import { parentPort } from "node:worker_threads";

const texts = new Map();

parentPort.on("message", (calls) => {
  parentPort.postMessage(
    calls.map((call) => {
      if (typeof call === "string") return texts.get(call) ?? null;
      texts.set(call[0], call[1]);
      return null;
    }),
  );
});
