/** Child process: filling a store, opening it again, and what opening is measured against. */
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { CONTENDERS } from "./contenders.js";
import { fill } from "./drive.js";
import { answerWith } from "./message.js";
import { sessionBody, sessionId } from "./sessions.js";

/** Bytes that this process has handed to write calls, all threads together; NaN if not known. */
function writtenBytes() {
  if (!existsSync("/proc/self/io")) return NaN;
  return Number(/^wchar: (\d+)/m.exec(readFileSync("/proc/self/io", "utf8"))[1]);
}

function directoryBytes(directory) {
  const sizes = readdirSync(directory).map((name) => statSync(join(directory, name)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Collects garbage in this thread and in its workers, through the inspector. */
async function collectGarbage() {
  const inspector = new Session();
  inspector.connect();
  const done = [];
  inspector.on("NodeWorker.attachedToWorker", ({ params }) => {
    const message = JSON.stringify({ id: 1, method: "HeapProfiler.collectGarbage" });
    done.push(
      new Promise((resolve) => {
        inspector.on("NodeWorker.receivedMessageFromWorker", (answer) => {
          if (answer.params.sessionId === params.sessionId) resolve();
        });
      }),
    );
    inspector
      .post("NodeWorker.sendMessageToWorker", { sessionId: params.sessionId, message })
      .catch(() => {});
  });
  await inspector.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
  await inspector.post("HeapProfiler.collectGarbage");
  await Promise.all(done);
  inspector.disconnect();
}

async function residentBytes() {
  await collectGarbage();
  await collectGarbage();
  return process.memoryUsage.rss();
}

/** A line that is a session's record; snapshots end theirs with a comma. */
const RECORD = /^([{[].*[}\]]),?$/;

/** The sessions' lines of the files, a batch at a time. */
async function* recordLines(directory, batchLength) {
  let batch = [];
  for (const name of readdirSync(directory).sort()) {
    const lines = createInterface({ input: createReadStream(join(directory, name)) });
    for await (const line of lines) {
      const text = RECORD.exec(line)?.[1];
      if (text === undefined) continue;
      batch.push(text);
      if (batch.length === batchLength) {
        yield batch;
        batch = [];
      }
    }
  }
  yield batch;
}

answerWith({
  async fill({ contender, at, sessions, bytes }) {
    const opened = await CONTENDERS[contender].open(at);
    const before = writtenBytes();
    const start = performance.now();
    await fill(opened.store, sessions, sessionId, (number) => sessionBody(number, bytes));
    const fillMs = performance.now() - start;
    await opened.close();
    return {
      fillMs,
      writtenBytes: writtenBytes() - before,
      filesBytes: directoryBytes(at.directory),
    };
  },

  /** Time until the store is open and has answered one get; memory that it holds then. */
  async open({ contender, at, empty, sessions }) {
    const nothing = await CONTENDERS[contender].open(empty);
    await new Promise((resolve) => nothing.store.get("none", () => resolve()));
    const idleBytes = await residentBytes();
    await nothing.close();

    const start = performance.now();
    const opened = await CONTENDERS[contender].open(at);
    const last = await new Promise((resolve, reject) => {
      const settle = (error, found) => (error ? reject(error) : resolve(found));
      opened.store.get(sessionId(sessions - 1), settle);
    });
    const openMs = performance.now() - start;
    if (last?.user.id !== sessions - 1) throw new Error("the last session is not there");
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    const heldBytes = (await residentBytes()) - idleBytes;
    await opened.close();
    return { openMs, heldBytes, bytesPerSession: heldBytes / sessions, peakBytes };
  },

  /** Time that JSON.parse takes for each line of the files, one at a time; not to read them. */
  async parse({ at, sessions }) {
    let parseMs = 0;
    let lines = 0;
    for await (const batch of recordLines(at.directory, 10_000)) {
      const start = performance.now();
      for (const line of batch) JSON.parse(line);
      parseMs += performance.now() - start;
      lines += batch.length;
    }
    if (lines < sessions) throw new Error(`${lines} lines for ${sessions} sessions`);
    return { parseMs };
  },
});
