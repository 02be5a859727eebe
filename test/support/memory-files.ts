/**
 * Owns a file system in memory, for tests that open a collection many thousand times. It never
 * forgets, and fails only where it is full: what fails and what forgets is tested elsewhere.
 */
import { basename, dirname } from "node:path";
import type { FileIdentity, Files, OpenFile, OpenMode } from "../../src/worker/ports/files.js";

/** A file's content; names share it, as hard links do. */
interface Node {
  readonly id: string;
  links: number;
  bytes: Buffer;
  length: number;
}

const MUST_EXIST = new Set<OpenMode>(["read", "existing"]);

export class MemoryFiles implements Files {
  /** How many bytes there may be, in files that have a name or are open. */
  capacity = Infinity;
  readonly #nodes = new Map<string, Node>();
  /** How often each is open. */
  readonly #open = new Map<Node, number>();
  #made = 0;

  constructor(contents: Iterable<readonly [path: string, content: Uint8Array]> = []) {
    for (const [path, content] of contents) this.put(path, content);
  }

  /** The files by path. */
  contents(): Map<string, Buffer> {
    return new Map([...this.#nodes].map(([path, node]) => [path, contentOf(node)]));
  }

  /** The content of a file; empty where there is none. */
  content(path: string): Buffer {
    const node = this.#nodes.get(path);
    return node === undefined ? Buffer.alloc(0) : contentOf(node);
  }

  put(path: string, content: Uint8Array): void {
    this.#name(path, this.#newNode(Buffer.from(content)));
  }

  async createDirectory(): Promise<void> {
    // Paths need no directories here.
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    let node = this.#nodes.get(path);
    if (node !== undefined && mode === "create") throw errno("EEXIST", path);
    if (node === undefined && MUST_EXIST.has(mode)) throw errno("ENOENT", path);
    if (node === undefined) this.#name(path, (node = this.#newNode(Buffer.alloc(0))));
    this.#open.set(node, (this.#open.get(node) ?? 0) + 1);
    return new MemoryFile(node, this);
  }

  /** The bytes of all files. */
  get used(): number {
    let bytes = 0;
    for (const { length } of new Set([...this.#nodes.values(), ...this.#open.keys()])) {
      bytes += length;
    }
    return bytes;
  }

  closed(node: Node): void {
    const others = (this.#open.get(node) ?? 0) - 1;
    if (others > 0) this.#open.set(node, others);
    else this.#open.delete(node);
  }

  async rename(from: string, to: string): Promise<void> {
    const node = this.#node(from);
    if (this.#nodes.get(to) === node) return;
    this.#name(to, node);
    this.#unname(from);
  }

  async link(existing: string, path: string): Promise<void> {
    if (this.#nodes.has(path)) throw errno("EEXIST", path);
    this.#name(path, this.#node(existing));
  }

  async remove(path: string): Promise<void> {
    this.#unname(path);
  }

  async list(path: string): Promise<string[]> {
    return [...this.#nodes.keys()]
      .filter((file) => dirname(file) === path)
      .map((file) => basename(file));
  }

  async syncDirectory(): Promise<void> {
    // Nothing is ever forgotten.
  }

  async identity(path: string): Promise<FileIdentity | null> {
    const node = this.#nodes.get(path);
    return node === undefined ? null : { id: node.id, links: node.links };
  }

  async freeSpace(): Promise<number | null> {
    return this.capacity === Infinity ? null : this.capacity - this.used;
  }

  #newNode(bytes: Buffer): Node {
    return { id: String(this.#made++), links: 0, bytes, length: bytes.length };
  }

  #name(path: string, node: Node): void {
    this.#unname(path);
    this.#nodes.set(path, node);
    node.links++;
  }

  #unname(path: string): void {
    const node = this.#nodes.get(path);
    if (node === undefined) return;
    this.#nodes.delete(path);
    node.links--;
  }

  #node(path: string): Node {
    const node = this.#nodes.get(path);
    if (node === undefined) throw errno("ENOENT", path);
    return node;
  }
}

class MemoryFile implements OpenFile {
  readonly #node: Node;
  readonly #files: MemoryFiles;

  constructor(node: Node, files: MemoryFiles) {
    this.#node = node;
    this.#files = files;
  }

  async size(): Promise<number> {
    return this.#node.length;
  }

  async identity(): Promise<FileIdentity> {
    return { id: this.#node.id, links: this.#node.links };
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    const { bytes, length } = this.#node;
    if (position >= length) return 0;
    return bytes.copy(target, 0, position, Math.min(length, position + target.length));
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    const { capacity, used } = this.#files;
    const room = capacity - used + this.#node.length;
    const fitting = bytes.subarray(0, Math.max(0, room - position));
    if (fitting.length > 0) {
      this.#resize(Math.max(this.#node.length, position + fitting.length));
      this.#node.bytes.set(fitting, position);
    }
    if (fitting.length < bytes.length)
      throw Object.assign(errno("ENOSPC", "write"), { syscall: "write" });
  }

  async truncate(length: number): Promise<void> {
    this.#resize(length);
  }

  async sync(): Promise<void> {
    // Nothing is ever forgotten.
  }

  writeThrough(bytes: Uint8Array, position: number): Promise<void> {
    return this.write(bytes, position);
  }

  async close(): Promise<void> {
    this.#files.closed(this.#node);
  }

  #resize(length: number): void {
    const node = this.#node;
    if (length > node.bytes.length) {
      const larger = Buffer.alloc(Math.max(length, node.bytes.length * 2));
      node.bytes.copy(larger, 0, 0, node.length);
      node.bytes = larger;
    } else if (length > node.length) node.bytes.fill(0, node.length, length);
    node.length = length;
  }
}

function contentOf({ bytes, length }: Node): Buffer {
  return Buffer.from(bytes.subarray(0, length));
}

function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
