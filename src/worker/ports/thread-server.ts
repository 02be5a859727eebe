/** The disk thread's half: makes the calls that arrive, one after another. */
import type { MessagePort } from "node:worker_threads";

import { encodeError } from "../../protocol/wire-error.js";
import { errno } from "./failure.js";
import type { Files, OpenFile, OpenMode } from "./files.js";
import { type DiskAnswer, type DiskRequest, NO_MORE } from "./thread-messages.js";

type Method = (...args: readonly unknown[]) => Promise<unknown>;

export function serveFiles(files: Files, port: MessagePort): void {
  const opened = new OpenedFiles();
  let previous = Promise.resolve();
  port.on("message", (request: DiskRequest | typeof NO_MORE) => {
    previous = previous.then(async () => {
      if (request === NO_MORE) {
        port.close();
        return;
      }
      let answer: DiskAnswer;
      try {
        answer = { value: await perform(files, opened, request) };
      } catch (error) {
        answer = { error: encodeError(error) };
      }
      // The bytes of a read are handed over, not copied.
      const bytes = "value" in answer && answer.value instanceof Uint8Array ? answer.value : null;
      port.postMessage(answer, bytes === null ? [] : [bytes.buffer as ArrayBuffer]);
    });
  });
}

async function perform(files: Files, opened: OpenedFiles, request: DiskRequest): Promise<unknown> {
  const { args } = request;
  if (!("handle" in request)) {
    if (request.method !== "open") return (files[request.method] as Method)(...args);
    return opened.add(await files.open(...(args as [string, OpenMode])));
  }
  const { handle, method } = request;
  const file = opened.get(handle, method);
  if (method === "close") opened.delete(handle);
  if (method !== "read") return (file[method] as Method).apply(file, [...args]);
  const [length, position] = args as [number, number];
  const target = new Uint8Array(length);
  return target.subarray(0, await file.read(target, position));
}

class OpenedFiles {
  readonly #files = new Map<number, OpenFile>();
  #count = 0;

  add(file: OpenFile): number {
    this.#files.set(++this.#count, file);
    return this.#count;
  }

  get(handle: number, method: string): OpenFile {
    const file = this.#files.get(handle);
    if (file === undefined) throw errno("EBADF", method, "the file has been closed");
    return file;
  }

  delete(handle: number): void {
    this.#files.delete(handle);
  }
}
