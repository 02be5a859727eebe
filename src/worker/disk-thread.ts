/** The disk thread: makes the file calls of the engine's thread, which starts it. */
import { parentPort } from "node:worker_threads";

import { filesOver } from "./ports/node-files.js";
import { blockingCalls } from "./ports/system-calls.js";
import { serveFiles } from "./ports/thread-server.js";

if (parentPort !== null) serveFiles(filesOver(blockingCalls), parentPort);
