/**
 * Writes a snapshot as a stream: one element per line, as plaintext or one envelope. The caller
 * renames the file when it is complete.
 */
import type { OpenFile } from "../../ports/files.js";
import { DATA_OFFSET, type Key, nextIv, TAG_OFFSET } from "../keys/cipher.js";
import type { Keyring } from "../keys/keyring.js";
import { LineBuffer } from "../lines/line-buffer.js";
import { encodeElement } from "./snapshot-element.js";

/** Bytes collected before each write. Small, so that calls are served in between. */
const CHUNK_BYTES = 128 * 1024;

/** Bytes after which a growing file is fsynced, so that no fsync holds commits up for long. */
export const SYNC_BYTES = 8 * 1024 * 1024;

export class SnapshotWriter {
  readonly #file: OpenFile;
  readonly #envelope: EnvelopeWriter | null;
  readonly #key: Key | null;
  readonly #lines = new LineBuffer();
  #position = 0;
  #syncedTo = 0;
  #held: string | null = null;

  constructor(file: OpenFile, keyring: Keyring | null, version: number, now: number) {
    this.#file = file;
    this.#key = keyring?.first ?? null;
    this.#envelope = this.#key === null ? null : new EnvelopeWriter(this.#key);
    if (this.#envelope !== null) this.#position = DATA_OFFSET;
    this.#lines.add(`{"version":${version},"ts":${now},"docs":[`);
  }

  /** Adds a document. Returns true when {@link drain} is due. */
  add(id: string, documentText: string): boolean {
    // The comma goes at the end of the previous line; the last line has none.
    if (this.#held !== null) this.#lines.add(`${this.#held},`);
    this.#held = encodeElement(id, documentText, this.#key);
    return this.#lines.length >= CHUNK_BYTES;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#position;
  }

  /** Writes the documents that have been added. */
  async drain(): Promise<void> {
    const lines = this.#lines.bytes();
    const bytes = this.#envelope === null ? lines : this.#envelope.update(lines);
    await this.#file.write(bytes, this.#position);
    this.#position += bytes.length;
    this.#lines.clear();
    if (this.#position - this.#syncedTo < SYNC_BYTES) return;
    await this.#file.sync();
    this.#syncedTo = this.#position;
  }

  /** Writes the end and fsyncs the file. @returns its length */
  async finish(): Promise<number> {
    if (this.#held !== null) this.#lines.add(this.#held);
    this.#lines.add("]}");
    await this.drain();
    if (this.#envelope !== null) {
      const { rest, head } = this.#envelope.finish();
      await this.#file.write(rest, this.#position);
      this.#position += rest.length;
      // The tag is known only now, but precedes the content.
      await this.#file.write(head, 0);
    }
    await this.#file.sync(); // guard: snapshot, fsync
    return this.#position;
  }
}

/** One envelope as a stream. Base64 encodes three bytes at a time, so up to two are held back. */
class EnvelopeWriter {
  readonly #iv = nextIv();
  readonly #cipher;
  #held: Buffer = Buffer.alloc(0);

  constructor(key: Key) {
    this.#cipher = key.cipher(this.#iv);
  }

  update(content: Buffer): Buffer {
    const data = Buffer.concat([this.#held, this.#cipher.update(content)]);
    const whole = data.length - (data.length % 3);
    this.#held = data.subarray(whole);
    return Buffer.from(data.subarray(0, whole).toString("base64"), "latin1");
  }

  finish(): { rest: Buffer; head: Buffer } {
    const data = Buffer.concat([this.#held, this.#cipher.final()]);
    const head = Buffer.alloc(DATA_OFFSET, ":");
    head.write(this.#iv.toString("hex"), 0, "latin1");
    head.write(this.#cipher.getAuthTag().toString("hex"), TAG_OFFSET, "latin1");
    return { rest: Buffer.from(data.toString("base64"), "latin1"), head };
  }
}
