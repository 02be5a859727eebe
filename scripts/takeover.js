/**
 * Measures how long writes wait when the owner of a collection is killed: from the kill until each of
 * the two other processes, which all write, has had a write acknowledged that it made after it.
 *
 *     npm run build && node scripts/takeover.js --sessions 100000 --rounds 5 --encrypted
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import IsolatedStore from "express-session-isolate";
import { fill, sessionBody } from "../bench/load/sessions.js";

const SCRIPT = fileURLToPath(import.meta.url);
const PROCESSES = 3;
/** Writes in flight in each. */
const LANES = 8;
const WARM_MS = 1000;

/** One of the processes: writes, and answers what it is asked. */
async function write(/** @type {string} */ options) {
  const store = new IsolatedStore(JSON.parse(options));
  await store.ready;
  const lane = async (/** @type {number} */ lane) => {
    for (let number = 0; ; number++) await store.set(`${process.pid} ${lane}`, sessionBody(number));
  };
  for (let count = 0; count < LANES; count++) void lane(count);
  process.on("message", async (question) => {
    if (question === "role") process.send?.((await store.stats()).role);
    else process.send?.(await store.set(`${process.pid}`, sessionBody(0)).then(() => "written"));
  });
  process.on("disconnect", () => process.exit());
  process.send?.("open");
}

async function start(/** @type {object} */ options) {
  const child = fork(SCRIPT, [JSON.stringify(options)]);
  await once(child, "message");
  return child;
}

/** @param {import("node:child_process").ChildProcess} child @param {string} question */
async function ask(child, question) {
  child.send(question);
  return String((await once(child, "message"))[0]);
}

async function measure() {
  const text = /** @type {const} */ ({ type: "string" });
  const encrypted = /** @type {const} */ ({ type: "boolean", default: false });
  const { values } = parseArgs({ options: { sessions: text, rounds: text, encrypted } });
  const directory = mkdtempSync(join(tmpdir(), "express-session-isolate-takeover-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true, maxRetries: 9 }));
  const options = { directory, ...(values.encrypted ? { encryptionKey: "a password" } : {}) };
  const store = new IsolatedStore(options);
  await fill(store, 0, Number(values.sessions ?? 0));
  await store.close();
  const children = [];
  while (children.length < PROCESSES) children.push(await start(options));
  for (let round = 0; round < Number(values.rounds ?? 5); round++) {
    await delay(WARM_MS);
    const roles = await Promise.all(children.map((child) => ask(child, "role")));
    const [owner] = children.splice(roles.indexOf("owner"), 1);
    const killed = performance.now();
    owner?.kill("SIGKILL");
    if (owner) await once(owner, "exit");
    const waits = children.map((child) =>
      ask(child, "write").then(() => performance.now() - killed),
    );
    const last = Math.max(...(await Promise.all(waits)));
    console.log(`${Math.round(last)} ms until the last of the others was answered`);
    children.push(await start(options));
  }
  for (const child of children) child.kill("SIGKILL");
  process.exit();
}

const [, , options] = process.argv;
await (process.send && options ? write(options) : measure());
