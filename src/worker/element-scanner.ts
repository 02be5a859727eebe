/**
 * Finds the elements in a line of a snapshot that is not one element: all of lite-nosql's, which
 * stand on one line, and what damage has run together. What lies between whole elements is reported.
 */

/** Bytes of a line that belong to no whole element. */
export interface Gap {
  readonly start: number;
  readonly end: number;
}

const ELEMENT_START = Buffer.from('["');
const NEXT_ELEMENT = Buffer.from(',["');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;

/** In damaged lines each byte may be looked at this often, on average, before the rest is given up. */
const WORK_FACTOR = 16;

/**
 * Offers each candidate to `accept`, which says whether it is a whole element.
 * @returns the bytes that belong to none; commas and white space between elements are not counted
 */
export function scanElements(
  line: Buffer,
  from: number,
  accept: (element: Buffer) => boolean,
): Gap[] {
  const gaps: Gap[] = [];
  let work = line.length * WORK_FACTOR;
  /** Everything before this is accounted for. */
  let done = from;
  let at = line.indexOf(ELEMENT_START, from);
  while (at !== -1 && work > 0) {
    const end = elementEnd(line, at);
    work -= (end === -1 ? line.length : end) - at;
    if (end !== -1 && accept(line.subarray(at, end))) {
      addGap(gaps, line, done, at);
      done = end;
      at = line.indexOf(ELEMENT_START, end);
    } else {
      const next = line.indexOf(NEXT_ELEMENT, at + 1);
      at = next === -1 ? -1 : next + 1;
    }
  }
  addGap(gaps, line, done, line.length);
  return gaps;
}

function addGap(gaps: Gap[], line: Buffer, start: number, end: number): void {
  while (start < end && isSeparator(line[start] ?? 0)) start++;
  while (end > start && isSeparator(line[end - 1] ?? 0)) end--;
  if (end > start) gaps.push({ start, end });
}

function isSeparator(byte: number): boolean {
  return byte === COMMA || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** Where the array that starts at `start` ends, or -1 where it does not. */
function elementEnd(line: Buffer, start: number): number {
  let depth = 0;
  let inString = false;
  for (let at = start; at < line.length; at++) {
    const byte = line[at];
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) depth++;
    else if ((byte === CLOSE_BRACKET || byte === CLOSE_BRACE) && --depth === 0) return at + 1;
  }
  return -1;
}
