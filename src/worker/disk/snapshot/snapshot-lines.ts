/** Reads the lines of one of our own snapshots: a head, one element per line, a tail. */
import type { Change } from "../documents/change.js";
import { COMMA, withoutReturn } from "../lines/ascii.js";
import { addDamage, type ByteRange } from "../lines/damaged-ranges.js";
import { type ByteSource, type Line, scanLines } from "../lines/line-scanner.js";

export interface Contents {
  readonly version: number;
  /** The number of whole elements. */
  readonly elements: number;
  readonly damage: readonly ByteRange[];
  /** Whether there must have been elements, and none is whole. */
  readonly isHopeless: boolean;
}

interface OwnContents extends Contents {
  /** Whether it has the head or the tail that this store writes. */
  readonly isOurs: boolean;
}

/**
 * Reads a snapshot, calling back for each whole element in order.
 * @param decode returns null if a line, without its comma, is not a whole element
 */
export async function readLines(
  source: ByteSource,
  decode: Decode,
  onChange: (change: Change) => void,
): Promise<OwnContents> {
  const lines = new SnapshotLines(decode, onChange);
  await scanLines(source, (line) => {
    lines.take(line);
  });
  return lines.finish();
}

type Decode = (element: Buffer) => Change | null;

const HEAD = /^\{"version":(\d+),"ts":\d+,"docs":\[$/;
/** Longer than any head. */
const MAX_HEAD_BYTES = 80;
const TAIL = Buffer.from("]}");

class SnapshotLines {
  readonly #decode: Decode;
  readonly #onChange: (change: Change) => void;
  readonly #damage: ByteRange[] = [];
  #version: number | null = null;
  #elements = 0;
  #complete = false;
  /** Whether there are commas between the elements and nowhere else, as lite-nosql requires. */
  #regular = true;
  #separated = true;
  /** Whether a line was damaged that may have been an element. */
  #isBroken = false;
  #end = 0;

  constructor(decode: Decode, onChange: (change: Change) => void) {
    this.#decode = decode;
    this.#onChange = onChange;
  }

  take({ bytes: line, start, end }: Line): void {
    this.#end = end;
    if (line === null) {
      this.#isBroken = true;
      addDamage(this.#damage, { start, end });
      return;
    }
    const bytes = withoutReturn(line);
    if (bytes.length === 0) return;
    if (start === 0 && this.#takeHead(bytes)) return;
    if (bytes.equals(TAIL)) {
      if (this.#complete || (this.#separated && this.#elements > 0)) this.#regular = false;
      this.#complete = true;
      return;
    }
    const hasComma = bytes[bytes.length - 1] === COMMA;
    const change = this.#decode(hasComma ? bytes.subarray(0, -1) : bytes);
    if (change === null) {
      // Neither a head nor a tail is that long.
      if (bytes.length >= (start === 0 ? MAX_HEAD_BYTES : TAIL.length + 1)) this.#isBroken = true;
      addDamage(this.#damage, { start, end });
      return;
    }
    if (this.#complete || !this.#separated) this.#regular = false;
    this.#separated = hasComma;
    this.#elements++;
    this.#onChange(change);
  }

  finish(): OwnContents {
    const isWhole = this.#version !== null && this.#complete && this.#regular;
    // An empty range: nothing can be set aside, but the damage is reported and compacted away.
    if (this.#damage.length === 0 && !isWhole) {
      this.#damage.push({ start: this.#end, end: this.#end });
    }
    return {
      version: this.#version ?? 0,
      elements: this.#elements,
      damage: this.#damage,
      isHopeless: this.#elements === 0 && this.#isBroken,
      isOurs: this.#version !== null || this.#complete,
    };
  }

  #takeHead(bytes: Buffer): boolean {
    const head = bytes.length < MAX_HEAD_BYTES ? HEAD.exec(bytes.toString("latin1")) : null;
    if (head === null) return false;
    this.#version = Number(head[1]);
    return true;
  }
}
