/** The known name that was meant by a misspelled one. */

/** How many edits make a misspelling: at most so many, and at most one in so many letters. */
interface Tolerance {
  readonly edits: number;
  readonly lettersPerEdit: number;
}

/** Where every name must be a known one, the nearest helps even if it is not very near. */
const HELPFUL: Tolerance = { edits: 3, lettersPerEdit: 2 };
/** Among the names of something else, only what can hardly be anything but a known one. */
export const CERTAIN: Tolerance = { edits: 2, lettersPerEdit: 3 };

/** Ends the sentence that says that a name is unknown. */
export function hintOf(name: string, knownNames: readonly string[]): string {
  const nearest = nearestName(name, knownNames);
  return nearest === null ? "." : `, did you mean "${nearest}"?`;
}

/** The known name most similar to `name`, or null if none is similar enough. */
export function nearestName(
  name: string,
  knownNames: readonly string[],
  { edits, lettersPerEdit } = HELPFUL,
): string | null {
  const letters = lettersOf(name);
  const nearest = knownNames
    .map((known) => ({ known, edits: editDistance(letters, lettersOf(known)) }))
    .reduce((best, candidate) => (candidate.edits < best.edits ? candidate : best));
  const tolerated = Math.min(edits, Math.floor(letters.length / lettersPerEdit));
  return nearest.edits <= tolerated ? nearest.known : null;
}

/** Case and the separators of `encryption_key` and `encryption-key` make no difference. */
function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "");
}

/** The Levenshtein distance. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replace = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
