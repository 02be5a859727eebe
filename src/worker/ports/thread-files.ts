/**
 * The real file system, through a thread that makes the calls one after another and waits for the
 * disk: so the engine's thread never does, and no call queues in the pool of libuv, which the
 * application may have filled.
 */
import { Worker } from "node:worker_threads";

import { clearTimeout, setTimeout } from "../../protocol/timers.js";
import { isErrorLike } from "../../protocol/errors.js";
import { decodeError } from "../../protocol/wire-error.js";
import type { Files, OpenFile } from "./files.js";
import { type DiskAnswer, type DiskRequest, type FilesMethod, NO_MORE } from "./thread-messages.js";

/** How long to wait for the end of the thread, which may still have large files to free. */
const END_WAIT_MS = 1000;

export interface ThreadFiles extends Files {
  /** Ends the thread, so that it leaves no file open. Resolves when it has, or takes too long. */
  end(): Promise<void>;
}

/**
 * Files over a disk thread. Its death fails the calls under way, and all calls of the files that it
 * had open; the next call starts another thread.
 * @param source the code of the thread
 */
export function threadFiles(source: string): ThreadFiles {
  let thread: DiskThread | null = null;
  const running = (): DiskThread => {
    if (thread === null || thread.isDead) thread = new DiskThread(source);
    return thread;
  };
  const call = async <T>(method: FilesMethod, ...args: readonly unknown[]): Promise<T> =>
    running().call<T>({ method, args });
  return {
    isInOrder: true,
    createDirectory: (path) => call("createDirectory", path),
    async open(path, mode) {
      const opener = running();
      return threadFile(opener, await opener.call<number>({ method: "open", args: [path, mode] }));
    },
    rename: (from, to) => call("rename", from, to),
    link: (existing, path) => call("link", existing, path),
    remove: (path) => call("remove", path),
    list: (path) => call("list", path),
    syncDirectory: (path) => call("syncDirectory", path),
    identity: (path) => call("identity", path),
    freeSpace: (directory) => call("freeSpace", directory),
    async end() {
      await thread?.end();
    },
  };
}

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One thread, from its start to its death. Keeps its creator's thread alive while a call waits. */
class DiskThread {
  readonly #worker: Worker;
  /** The calls under way, in their order, which is that of the answers. */
  readonly #calls: Call[] = [];
  readonly #ended: Promise<void>;
  #death: Error | null = null;

  constructor(source: string) {
    this.#worker = new Worker(source, {
      name: "express-session-isolate disk",
      eval: true,
      // Nothing but these calls: no loaders, and none of the agents that NODE_OPTIONS may load.
      execArgv: [],
      env: {},
      // Little, but enough to list a directory with very many names.
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 64 },
    });
    this.#worker.unref();
    let reason: unknown;
    this.#worker.on("message", (answer: DiskAnswer) => {
      const call = this.#next();
      if ("error" in answer) call?.reject(decodeError(answer.error));
      else call?.resolve(answer.value);
    });
    this.#worker.on("error", (error) => (reason = error));
    this.#ended = new Promise((resolve) => this.#worker.once("exit", resolve));
    this.#worker.on("exit", (code) => {
      const why = isErrorLike(reason) ? `: ${reason.message}` : "";
      this.#death = new Error(`the disk thread exited with code ${code}${why}`, { cause: reason });
      for (let call = this.#next(); call !== undefined; call = this.#next()) {
        call.reject(this.#death);
      }
    });
  }

  get isDead(): boolean {
    return this.#death !== null;
  }

  call<T>(request: DiskRequest, transfer: readonly ArrayBuffer[] = []): Promise<T> {
    if (this.#death !== null) return Promise.reject(this.#death);
    return new Promise<T>((resolve, reject) => {
      if (this.#calls.length === 0) this.#worker.ref();
      this.#calls.push({ resolve: resolve as Call["resolve"], reject });
      this.#worker.postMessage(request, transfer);
    });
  }

  async end(): Promise<void> {
    this.#worker.postMessage(NO_MORE);
    // A call that has no answer yet waits for the disk, and so would this.
    if (this.#calls.length > 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, END_WAIT_MS)));
    await Promise.race([this.#ended, late]);
    clearTimeout(timer);
  }

  #next(): Call | undefined {
    const call = this.#calls.shift();
    if (this.#calls.length === 0) this.#worker.unref();
    return call;
  }
}

function threadFile(thread: DiskThread, handle: number): OpenFile {
  const call = <T>(
    method: keyof OpenFile,
    args: readonly unknown[] = [],
    transfer?: readonly ArrayBuffer[],
  ): Promise<T> => thread.call<T>({ handle, method, args }, transfer);
  const send = (method: keyof OpenFile, bytes: Uint8Array, position: number): Promise<void> => {
    // The caller may fill its buffer again as soon as this resolves, or earlier if the thread dies.
    const copy = new Uint8Array(bytes);
    return call(method, [copy, position], [copy.buffer]);
  };
  return {
    size: () => call("size"),
    identity: () => call("identity"),
    async read(target, position) {
      const bytes = await call<Uint8Array>("read", [target.byteLength, position]);
      target.set(bytes);
      return bytes.byteLength;
    },
    write: (bytes, position) => send("write", bytes, position),
    truncate: (length) => call("truncate", [length]),
    sync: () => call("sync"),
    writeThrough: (bytes, position) => send("writeThrough", bytes, position),
    close: () => call("close"),
  };
}
