/** The known name that was meant by a misspelled one. */

/** A name that differs by more edits than this, or in half of its letters, is not a misspelling. */
const MAX_EDITS = 3;

/** The known name most similar to `name`, or null if none is similar enough. */
export function nearestName(name: string, knownNames: readonly string[]): string | null {
  const nearest = knownNames
    .map((known) => ({ known, edits: editDistance(name.toLowerCase(), known.toLowerCase()) }))
    .reduce((best, candidate) => (candidate.edits < best.edits ? candidate : best));
  const isMisspelling = nearest.edits <= Math.min(MAX_EDITS, Math.floor(name.length / 2));
  return isMisspelling ? nearest.known : null;
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
