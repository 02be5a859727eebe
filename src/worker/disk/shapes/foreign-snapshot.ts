/**
 * A snapshot as lite-nosql writes it: all elements on one line, without seals. If it is damaged, an
 * array inside a session may look like an element.
 */
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from "../lines/ascii.js";
import type { ByteRange } from "../lines/damaged-ranges.js";

const HEAD = /^\{"version":\d+,"ts":\d+,"docs":\[/;
const MAX_HEAD_BYTES = 80;
const ELEMENT_START = Buffer.from('["');
/** What follows the last element. */
const TAIL = /^\](?:,"[a-z]+":[^\]]*)?\}\s*$/;
/** Average number of times that a byte may be examined before the rest counts as damaged. */
const WORK_FACTOR = 16;

/** What an array is: an element, something else that is whole, or damaged. */
type ArrayVerdict = "element" | "other" | "broken";

/**
 * Calls back with the bytes of each array that may be an element, in order.
 * @returns the bytes between the elements, and whether the end of the snapshot was found
 */
export function scanElements(
  text: Buffer,
  judge: (array: Buffer) => ArrayVerdict,
): { damage: ByteRange[]; complete: boolean } {
  const head = HEAD.exec(text.toString("latin1", 0, MAX_HEAD_BYTES))?.[0] ?? "";
  const damage: ByteRange[] = [];
  let complete = false;
  const leave = (start: number, end: number): void => {
    const range = trimmed(text, start, end);
    if (range.start === range.end) return;
    if (TAIL.test(text.toString("latin1", range.start, Math.min(range.end, range.start + 64)))) {
      complete = true;
    } else damage.push(range);
  };

  let work = text.length * WORK_FACTOR;
  let done = head.length;
  let at = text.indexOf(ELEMENT_START, done);
  while (at !== -1 && work > 0) {
    const end = arrayEnd(text, at);
    work -= (end === -1 ? text.length : end) - at;
    const verdict = end === -1 ? "broken" : judge(text.subarray(at, end));
    if (verdict === "element") {
      leave(done, at);
      done = end;
    }
    // Only inside of what is damaged may the next element start.
    at = nextElement(text, verdict === "broken" ? at + 1 : end);
  }
  leave(done, text.length);
  return { damage, complete };
}

/** Where the next element may start; after a `:` it would be a value inside a document. */
function nextElement(text: Buffer, from: number): number {
  let at = text.indexOf(ELEMENT_START, from);
  while (at !== -1 && text[at - 1] === COLON) at = text.indexOf(ELEMENT_START, at + 1);
  return at;
}

/** The range without the separators around it. */
function trimmed(text: Buffer, start: number, end: number): ByteRange {
  const isSeparator = (byte = 0): boolean =>
    byte === COMMA || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
  let from = start;
  let to = end;
  while (from < to && isSeparator(text[from])) from++;
  while (to > from && isSeparator(text[to - 1])) to--;
  return { start: from, end: to };
}

/** The index after the array that starts at `start`; -1 if it does not end. */
function arrayEnd(text: Buffer, start: number): number {
  let depth = 0;
  let inString = false;
  for (let at = start; at < text.length; at++) {
    const byte = text[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) depth++;
    else if ((byte === CLOSE_BRACKET || byte === CLOSE_BRACE) && --depth === 0) return at + 1;
  }
  return -1;
}
