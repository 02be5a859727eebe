/** The thread behind echo-store.js: texts for ids, and how many pairs of id and text it has kept. */
import { open } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";

const texts = new Map();
const file = workerData && (await open(workerData, "a"));
let waiting = [];
let writing = false;

/** One fsync at a time; what comes meanwhile shares the next. */
async function write() {
  writing = true;
  while (waiting.length > 0) {
    const pairs = waiting;
    waiting = [];
    await file.write(pairs.map(([, text]) => text).join("\n"));
    await file.datasync();
    parentPort.postMessage({ stored: pairs.length });
  }
  writing = false;
}

parentPort.on("message", ({ sids, pairs }) => {
  if (sids) return parentPort.postMessage({ texts: sids.map((sid) => texts.get(sid) ?? null) });
  for (const [sid, text] of pairs) texts.set(sid, text);
  if (!file) return parentPort.postMessage({ stored: pairs.length });
  waiting.push(...pairs);
  if (!writing) write();
});
