/** The damaged ranges of a file. */

/** Empty if bytes are missing: that is damage too. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Adds a line, without its `\n`. Merges adjacent ones, because a foreign file has very many. */
export function addDamage(ranges: ByteRange[], line: ByteRange): void {
  const last = ranges.at(-1);
  if (last?.end === line.start - 1) {
    ranges[ranges.length - 1] = { start: last.start, end: line.end };
  } else ranges.push(line);
}
