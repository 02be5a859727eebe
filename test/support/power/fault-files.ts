/**
 * Owns the file port of one process over a disk that forgets: it counts the operations, tells a test
 * of each before it takes effect, and makes those fail that the test wants to. A process that is
 * killed gets no more answers.
 */
import type { FileIdentity, Files, OpenFile, OpenMode } from "../../../src/worker/ports/files.js";
import { DirectoryNode, type FaultDisk, FileNode, namesOf, type Node } from "./fault-disk.js";
import type { Fault, Operation, Witness } from "./operations.js";

export class FaultFiles implements Files {
  readonly disk: FaultDisk;
  witness: Witness;
  /** Files open at the moment. */
  openFiles = 0;
  /** What {@link freeSpace} answers. */
  free: number | null = null;
  /** Operations so far. */
  operations = 0;
  readonly #paths = new Map<Node, string>();
  #killed = false;

  constructor(disk: FaultDisk, witness: Witness = {}) {
    this.disk = disk;
    this.witness = witness;
  }

  get isKilled(): boolean {
    return this.#killed;
  }

  /** The process is gone: nothing that it still asks for happens, or is answered. */
  kill(): void {
    this.#killed = true;
  }

  async createDirectory(path: string): Promise<void> {
    const names = namesOf(path);
    for (const depth of names.keys()) {
      const [parent, made] = [names.slice(0, depth), names.slice(0, depth + 1)].map(
        (steps) => `/${steps.join("/")}`,
      ) as [string, string];
      if (this.disk.at(made) === undefined) {
        await this.perform("createDirectory", made, () => {
          this.#directory(parent).change({ add: [names[depth]!, new DirectoryNode()] });
        });
      }
      // One that is there may have been made by a process that died before it could do this.
      if (!this.#directory(parent).synced) await this.syncDirectory(parent);
    }
  }

  open(path: string, mode: OpenMode): Promise<OpenFile> {
    return this.perform("open", path, () => {
      const [directory, name] = this.#entry(path);
      let node = directory.entries.get(name);
      if (node === undefined) {
        if (mode === "read" || mode === "existing") throw errno("ENOENT", "open", path);
        node = new FileNode();
        directory.change({ add: [name, node] });
      } else if (mode === "create") throw errno("EEXIST", "open", path);
      if (node instanceof DirectoryNode) throw errno("EISDIR", "open", path);
      this.openFiles++;
      this.#paths.set(node, path);
      return new FaultFile(this, node, mode !== "read");
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.perform("rename", from, () => {
      const [directory, name] = this.#entry(from);
      const node = directory.entries.get(name);
      if (node === undefined) throw errno("ENOENT", "rename", from);
      const [target, newName] = this.#entry(to);
      if (target !== directory) throw new Error("a rename across directories is not modelled");
      directory.change({ remove: name, add: [newName, node] });
      this.#paths.set(node, to);
    });
  }

  link(existing: string, path: string): Promise<void> {
    return this.perform("link", existing, () => {
      const node = this.disk.at(existing);
      if (node === undefined) throw errno("ENOENT", "link", existing);
      const [directory, name] = this.#entry(path);
      if (directory.entries.has(name)) throw errno("EEXIST", "link", path);
      directory.change({ add: [name, node] });
    });
  }

  remove(path: string): Promise<void> {
    return this.perform("remove", path, () => {
      const [directory, name] = this.#entry(path);
      if (directory.entries.has(name)) directory.change({ remove: name });
    });
  }

  list(path: string): Promise<string[]> {
    return this.perform("list", path, () => [...this.#directory(path).entries.keys()]);
  }

  syncDirectory(path: string): Promise<void> {
    return this.perform("syncDirectory", path, () => {
      this.#directory(path).sync();
    });
  }

  identity(path: string): Promise<FileIdentity | null> {
    return this.perform("identity", path, () => {
      const node = this.disk.at(path);
      return node === undefined ? null : this.identityOf(node);
    });
  }

  freeSpace(): Promise<number | null> {
    return Promise.resolve(this.free);
  }

  identityOf(node: Node): FileIdentity {
    return { id: String(node.id), links: this.disk.links(node) };
  }

  /** The name of an open file, which it may have been given since. */
  pathOf(node: Node): string {
    return this.#paths.get(node) ?? "";
  }

  /** Does what an operation does, unless it is to fail. */
  async perform<T>(
    kind: Operation["kind"],
    path: string,
    effect: () => T,
    failing?: (fault: Fault) => void,
  ): Promise<T> {
    if (this.#killed) return new Promise(() => undefined);
    const operation = { kind, path, index: this.operations++ };
    this.witness.before?.(operation);
    // The witness may have had enough.
    if (this.isKilled) return new Promise(() => undefined);
    const fault = this.witness.fault?.(operation) ?? null;
    if (fault === null) return effect();
    failing?.(fault);
    throw errno(fault.code, kind, path);
  }

  #directory(path: string): DirectoryNode {
    const node: Node | undefined = this.disk.at(path);
    if (node instanceof DirectoryNode) return node;
    throw errno(node === undefined ? "ENOENT" : "ENOTDIR", "open", path);
  }

  #entry(path: string): [directory: DirectoryNode, name: string] {
    const names = namesOf(path);
    const name = names.pop() ?? "";
    return [this.#directory(names.join("/")), name];
  }
}

class FaultFile implements OpenFile {
  readonly #files: FaultFiles;
  readonly #node: FileNode;
  readonly #writable: boolean;
  #open = true;

  constructor(files: FaultFiles, node: FileNode, writable: boolean) {
    this.#files = files;
    this.#node = node;
    this.#writable = writable;
  }

  size(): Promise<number> {
    return this.#perform("size", () => this.#node.content.length);
  }

  identity(): Promise<FileIdentity> {
    return this.#perform("identity", () => this.#files.identityOf(this.#node));
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.#perform("read", () => {
      const { content } = this.#node;
      return content.copy(target, 0, Math.min(position, content.length));
    });
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    return this.#perform(
      "write",
      () => {
        this.#assertWritable("write");
        if (bytes.length > 0) this.#node.write(bytes, position);
      },
      ({ share = 0 }) => {
        const through = Math.floor(bytes.length * share);
        if (through > 0) this.#node.write(bytes.subarray(0, through), position);
      },
    );
  }

  truncate(length: number): Promise<void> {
    return this.#perform("truncate", () => {
      this.#assertWritable("ftruncate");
      if (length !== this.#node.content.length) this.#node.truncate(length);
    });
  }

  sync(): Promise<void> {
    return this.#perform(
      "sync",
      () => {
        this.#node.sync();
      },
      () => {
        this.#node.failSync();
      },
    );
  }

  async writeThrough(bytes: Uint8Array, position: number): Promise<void> {
    await this.write(bytes, position);
    await this.sync();
  }

  close(): Promise<void> {
    const release = (): void => {
      this.#open = false;
      this.#files.openFiles--;
    };
    // The descriptor is gone even if the call fails.
    return this.#perform("close", release, release);
  }

  async #perform<T>(
    kind: Operation["kind"],
    effect: () => T,
    failing?: (fault: Fault) => void,
  ): Promise<T> {
    const path = this.#files.pathOf(this.#node);
    if (!this.#open) throw errno("EBADF", kind, path);
    return this.#files.perform(kind, path, effect, failing);
  }

  #assertWritable(call: string): void {
    if (!this.#writable) throw errno("EBADF", call, this.#files.pathOf(this.#node));
  }
}

function errno(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, syscall: call, path });
}
