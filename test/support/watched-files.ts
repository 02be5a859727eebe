/**
 * Owns a view of what an engine does with its files. Every operation on the real ones is shown to
 * the test before it happens, which may count it, hold it back, or make it fail.
 */
import { type Files, type OpenFile } from "../../src/worker/ports/files.js";
import { nodeFiles } from "../../src/worker/ports/node-files.js";

/** One operation that is about to happen. */
export interface FileOperation {
  readonly kind: keyof Files | Exclude<keyof OpenFile, "size">;
  readonly path: string;
  /** Of a write; else 0. */
  readonly bytes: number;
}

export type Matcher = (operation: FileOperation) => boolean;

/** Operations that wait until the test lets them go on. */
export interface Hold {
  /** How many wait now. */
  readonly waiting: number;
  release(): void;
}

/** Matches operations of these kinds on files whose path ends like this. */
export function on(kind: FileOperation["kind"], ending = ""): Matcher {
  return (operation) => operation.kind === kind && operation.path.endsWith(ending);
}

/** A file system, by default the real one, watched. */
export class WatchedFiles {
  readonly files: Files;
  /** Called with each operation, before it is held or fails; waits for what it returns. */
  onOperation: (operation: FileOperation) => unknown = () => undefined;
  readonly #holds = new Map<Matcher, (() => void)[]>();
  readonly #failures = new Map<Matcher, string>();

  constructor(files: Files = nodeFiles) {
    this.files = watch(files, (operation) => this.#meet(operation));
  }

  /** Holds back what matches from now on, until it is released. */
  hold(matches: Matcher): Hold {
    const waiting: (() => void)[] = [];
    this.#holds.set(matches, waiting);
    return {
      get waiting() {
        return waiting.length;
      },
      release: () => {
        this.#holds.delete(matches);
        for (const goOn of waiting.splice(0)) goOn();
      },
    };
  }

  /** Fails what matches from now on. @returns makes it work again */
  fail(matches: Matcher, code: string): () => void {
    this.#failures.set(matches, code);
    return () => this.#failures.delete(matches);
  }

  /** A disk that works: nothing is held and nothing fails. */
  recover(): void {
    this.#failures.clear();
    for (const waiting of this.#holds.values()) for (const goOn of waiting.splice(0)) goOn();
    this.#holds.clear();
  }

  async #meet(operation: FileOperation): Promise<void> {
    await this.onOperation(operation);
    for (const [matches, waiting] of [...this.#holds]) {
      if (matches(operation)) await new Promise<void>((goOn) => waiting.push(goOn));
    }
    for (const [matches, code] of this.#failures) {
      if (matches(operation)) {
        const { kind: syscall } = operation;
        throw Object.assign(new Error(`${code}, ${syscall}`), { code, syscall });
      }
    }
  }
}

type Meet = (operation: FileOperation) => Promise<void>;

/** An open file, under the name that it has now. */
interface Handle {
  path: string;
}

function watch(real: Files, meet: Meet): Files {
  const handles = new Set<Handle>();
  const at = (kind: FileOperation["kind"], path: string): Promise<void> =>
    meet({ kind, path, bytes: 0 });
  return {
    createDirectory: (path) => at("createDirectory", path).then(() => real.createDirectory(path)),
    open: (path, mode) =>
      at("open", path).then(async () => {
        const handle = { path };
        const file = await real.open(path, mode);
        handles.add(handle);
        return watchFile(file, handle, meet, () => handles.delete(handle));
      }),
    rename: (from, to) =>
      at("rename", to).then(async () => {
        await real.rename(from, to);
        for (const handle of handles) if (handle.path === from) handle.path = to;
      }),
    link: (existing, path) => at("link", path).then(() => real.link(existing, path)),
    remove: (path) => at("remove", path).then(() => real.remove(path)),
    list: (path) => at("list", path).then(() => real.list(path)),
    syncDirectory: (path) => at("syncDirectory", path).then(() => real.syncDirectory(path)),
    identity: (path) => at("identity", path).then(() => real.identity(path)),
    freeSpace: (directory) => at("freeSpace", directory).then(() => real.freeSpace(directory)),
  };
}

function watchFile(file: OpenFile, handle: Handle, meet: Meet, onClose: () => void): OpenFile {
  const at = (kind: FileOperation["kind"], bytes = 0): Promise<void> =>
    meet({ kind, path: handle.path, bytes });
  const watched: OpenFile = {
    size: () => file.size(),
    identity: () => at("identity").then(() => file.identity()),
    read: (target, position) => at("read").then(() => file.read(target, position)),
    write: (bytes, position) =>
      at("write", bytes.byteLength).then(() => file.write(bytes, position)),
    truncate: (length) => at("truncate").then(() => file.truncate(length)),
    sync: () => at("sync").then(() => file.sync()),
    writeThrough: async (bytes, position) => {
      await watched.write(bytes, position);
      await watched.sync();
    },
    close: () => {
      onClose();
      return at("close").then(() => file.close());
    },
  };
  return watched;
}
