/**
 * Owns what a damaged collection must still give: what may be served after it, and which bytes may
 * not be lost.
 */
import { applyEntry, type JournalEntry, openEnvelopeBytes } from "../lite-nosql-reader.js";
import { linesOf, type Occurrence, type Piece, placedLines } from "./pieces.js";

/** A session as JSON text, or null where there is none. */
export type Value = string | null;

type Documents = Parameters<typeof applyEntry>[0];

/** What may be served for each id: the damaged file's records, between what is before and after it. */
export function possibleValues(
  before: readonly Piece[],
  found: readonly Occurrence[],
  after: readonly Piece[],
): Map<string, Set<Value>> {
  const intact = (piece: Piece): Occurrence => ({ piece, at: 0, certain: true });
  const all = [...before.map(intact), ...found, ...after.map(intact)];
  const possible = new Map<string, Set<Value>>();
  for (const { piece, certain } of all) {
    const { entry } = piece;
    const states = possible.get(entry.id) ?? new Set([null]);
    const next = step(states, entry);
    possible.set(entry.id, certain ? next : new Set([...states, ...next]));
  }
  return new Map(
    [...possible].map(([id, states]) => [id, new Set([...states].map(sessionOf))] as const),
  );
}

/** Documents as JSON text, after a record that is applied to each. */
function step(states: ReadonlySet<Value>, entry: JournalEntry): Set<Value> {
  return new Set(
    [...states].map((state) => {
      const documents: Documents = new Map();
      if (state !== null) documents.set(entry.id, JSON.parse(state) as Record<string, unknown>);
      applyEntry(documents, entry);
      const document = documents.get(entry.id);
      return document === undefined ? null : JSON.stringify(document);
    }),
  );
}

function sessionOf(document: Value): Value {
  return document === null
    ? null
    : JSON.stringify((JSON.parse(document) as { sess: unknown }).sess);
}

const SNAPSHOT_HEAD = /^\{"version":\d+,"ts":\d+,"docs":\[$/;

/**
 * Which lines of a damaged file must be among the bytes that were kept, and are not.
 * @param records those of the journal before it was damaged; null for a snapshot
 */
export function lostLines(
  damaged: Buffer,
  found: readonly Occurrence[],
  kept: Buffer,
  records: readonly Piece[] | null,
): string[] {
  return placedLines(damaged)
    .filter(({ line, at, terminated }) => {
      const text = line.toString("latin1");
      if (text.trim() === "" || /^[\0\t\r ]*$/.test(text)) return false;
      // What a crash cut short was never acknowledged. A whole record and one byte is none of that.
      const isWhole = (records ?? []).some(({ bytes }) => bytes.equals(line.subarray(0, -1)));
      if (records !== null && !terminated && beginsAsLine(text) && !isWhole) return false;
      if (records === null && (text.trimEnd() === "]}" || (at === 0 && SNAPSHOT_HEAD.test(text))))
        return false;
      const taken = found.filter(
        (each) => each.certain && each.at >= at && each.at < at + line.length,
      );
      return around(
        line,
        taken.map((each) => [each.at - at, each.piece.bytes.length] as const),
      ).some((rest) => !kept.includes(rest));
    })
    .map(({ line }) => line.toString());
}

/** What of a line is left beside these parts of it, without what may stand between elements. */
function around(line: Buffer, parts: readonly (readonly [at: number, length: number])[]): Buffer[] {
  const rest: string[] = [];
  let done = 0;
  for (const [at, length] of [...parts, [line.length, 0] as const]) {
    rest.push(line.toString("latin1", done, Math.max(done, at)));
    done = at + length;
  }
  return rest
    .map((text) => text.replace(/^\{"version":\d+,"ts":\d+,"docs":\[/, "").replace(/\]\}\s*$/, ""))
    .map((text) => Buffer.from(text.replace(/^[\s,]+|[\s,]+$/g, ""), "latin1"))
    .filter((text) => text.length > 0);
}

/** Whether a record or an envelope may begin so. */
function beginsAsLine(text: string): boolean {
  const start = text.slice(0, 7);
  return '{"op":"'.startsWith(start) || /^[0-9a-f]*$/.test(start);
}

/** All that files of the quarantine hold: their lines as they are, and the content of the sealed. */
export function quarantined(files: ReadonlyMap<string, Buffer>, key: Buffer | null): Buffer {
  const contents = [...files].flatMap(([path, content]) =>
    /quarantine\.[0-9a-f]{16}\.log$/.test(path) ? [content] : [],
  );
  const opened = contents
    .flatMap(linesOf)
    .map((line) => (key === null ? line : unsealed(line, key)));
  return Buffer.concat([...contents, Buffer.from("\n"), ...opened]);
}

function unsealed(line: Buffer, key: Buffer): Buffer {
  try {
    return openEnvelopeBytes(line.toString("latin1"), key);
  } catch {
    return Buffer.from("\n");
  }
}
