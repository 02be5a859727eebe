/**
 * Owns a file system in memory, for tests that open a collection many thousand times. It never
 * fails and never forgets: what fails and what forgets is tested elsewhere.
 */
import { basename, dirname } from "node:path";
import type { Files, OpenFile, OpenMode } from "../../src/worker/ports/files.js";

/** A file's content; names share it, as hard links do. */
interface Node {
  bytes: Buffer;
  length: number;
}

const MUST_EXIST = new Set<OpenMode>(["read", "existing"]);

export class MemoryFiles implements Files {
  readonly #nodes = new Map<string, Node>();

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
    this.#nodes.set(path, { bytes: Buffer.from(content), length: content.length });
  }

  async createDirectory(): Promise<void> {
    // Paths need no directories here.
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    let node = this.#nodes.get(path);
    if (node !== undefined && mode === "create") throw errno("EEXIST", path);
    if (node === undefined && MUST_EXIST.has(mode)) throw errno("ENOENT", path);
    if (node === undefined) this.#nodes.set(path, (node = { bytes: Buffer.alloc(0), length: 0 }));
    return new MemoryFile(node);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#nodes.set(to, this.#node(from));
    this.#nodes.delete(from);
  }

  async link(existing: string, path: string): Promise<void> {
    if (this.#nodes.has(path)) throw errno("EEXIST", path);
    this.#nodes.set(path, this.#node(existing));
  }

  async remove(path: string): Promise<void> {
    this.#nodes.delete(path);
  }

  async list(path: string): Promise<string[]> {
    return [...this.#nodes.keys()]
      .filter((file) => dirname(file) === path)
      .map((file) => basename(file));
  }

  async syncDirectory(): Promise<void> {
    // Nothing is ever forgotten.
  }

  #node(path: string): Node {
    const node = this.#nodes.get(path);
    if (node === undefined) throw errno("ENOENT", path);
    return node;
  }
}

class MemoryFile implements OpenFile {
  readonly #node: Node;

  constructor(node: Node) {
    this.#node = node;
  }

  async size(): Promise<number> {
    return this.#node.length;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    const { bytes, length } = this.#node;
    if (position >= length) return 0;
    return bytes.copy(target, 0, position, Math.min(length, position + target.length));
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.#resize(Math.max(this.#node.length, position + bytes.length));
    this.#node.bytes.set(bytes, position);
  }

  async truncate(length: number): Promise<void> {
    this.#resize(length);
  }

  async sync(): Promise<void> {
    // Nothing is ever forgotten.
  }

  async close(): Promise<void> {
    // There is nothing to release.
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
