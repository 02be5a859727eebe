/** The disk thread's half: makes the calls that arrive, one after another. */
import type { MessagePort } from "node:worker_threads";

import { encodeError } from "../../protocol/wire-error.js";
import { errno } from "./failure.js";
import type { Files, OpenFile, OpenMode } from "./files.js";
import { type DiskAnswer, type DiskRequest, NO_MORE } from "./thread-messages.js";

type Method = (...args: readonly unknown[]) => Promise<unknown>;

export function serveFiles(files: Files, port: MessagePort): void {
  const perform = performer(files);
  let previous = Promise.resolve();
  port.on("message", (request: DiskRequest | typeof NO_MORE) => {
    previous = previous.then(async () => {
      if (request === NO_MORE) {
        port.close();
        return;
      }
      let answer: DiskAnswer;
      try {
        answer = { value: await perform(request) };
      } catch (error) {
        answer = { error: encodeError(error) };
      }
      // The bytes of a read are handed over, not copied.
      const bytes = "value" in answer && answer.value instanceof Uint8Array ? answer.value : null;
      port.postMessage(answer, bytes === null ? [] : [bytes.buffer as ArrayBuffer]);
    });
  });
}

/** Makes one call after another. An open file is the number that its opening was answered with. */
function performer(files: Files): (request: DiskRequest) => Promise<unknown> {
  const opened = new Map<number, OpenFile>();
  let handles = 0;
  return async (request) => {
    const { args } = request;
    if (!("handle" in request)) {
      if (request.method !== "open") return (files[request.method] as Method)(...args);
      const file = await files.open(...(args as [string, OpenMode]));
      opened.set(++handles, file);
      return handles;
    }
    const { handle, method } = request;
    const file = opened.get(handle);
    if (file === undefined) throw errno("EBADF", method, "the file has been closed");
    if (method === "close") opened.delete(handle);
    if (method !== "read") return (file[method] as Method).apply(file, [...args]);
    const [length, position] = args as [number, number];
    const target = new Uint8Array(length);
    return target.subarray(0, await file.read(target, position));
  };
}
