/** The thread behind floor.js: keeps texts, and counts the pairs of id and text it has kept. */
import { open } from "node:fs/promises";
import { parentPort, workerData } from "node:worker_threads";

const file = workerData && (await open(workerData, "a"));
const texts = new Map();
/** @type {string[]} */
let waiting = [];
let writing = false;

/** One fsync at a time; what comes meanwhile shares the next. */
async function write() {
  if (writing) return;
  writing = true;
  for (let batch = waiting; batch.length > 0; batch = waiting) {
    waiting = [];
    await file.write(batch.join("\n"));
    await file.datasync();
    parentPort?.postMessage({ stored: batch.length });
  }
  writing = false;
}

parentPort?.on("message", ({ sids, pairs = [] }) => {
  const textOf = (/** @type {string} */ sid) => texts.get(sid) ?? "null";
  if (sids) return parentPort?.postMessage({ texts: sids.map(textOf) });
  for (const [sid, text] of pairs) texts.set(sid, text);
  if (!file) return parentPort?.postMessage({ stored: pairs.length });
  for (const [, text] of pairs) waiting.push(text);
  return write();
});
