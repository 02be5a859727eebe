/**
 * Which sessions expire when, so that neither counting the live ones nor finding the expired ones
 * has to look at all of them.
 */

/** Sessions that expire within the same span are kept together: about half a minute. */
const SPAN_MS = 2 ** 15;

export class ExpiryIndex {
  readonly #spans = new Map<number, Set<string>>();

  add(sid: string, expiresAt: number): void {
    const span = spanOf(expiresAt);
    const sids = this.#spans.get(span);
    if (sids === undefined) this.#spans.set(span, new Set([sid]));
    else sids.add(sid);
  }

  remove(sid: string, expiresAt: number): void {
    const span = spanOf(expiresAt);
    const sids = this.#spans.get(span);
    sids?.delete(sid);
    if (sids?.size === 0) this.#spans.delete(span);
  }

  move(sid: string, from: number, to: number): void {
    if (spanOf(from) === spanOf(to)) return;
    this.remove(sid, from);
    this.add(sid, to);
  }

  /** How many have expired. @param isExpired asked only about those of the current span */
  countExpired(now: number, isExpired: (sid: string) => boolean): number {
    const current = spanOf(now);
    let count = 0;
    for (const [span, sids] of this.#spans) {
      if (span < current) count += sids.size;
      else if (span === current) for (const sid of sids) if (isExpired(sid)) count++;
    }
    return count;
  }

  /** Those that have expired, and others that are about to. May change while iterating. */
  *mayHaveExpired(now: number): Generator<string> {
    const current = spanOf(now);
    for (const [span, sids] of this.#spans) if (span <= current) yield* sids;
  }
}

function spanOf(expiresAt: number): number {
  return Math.floor(expiresAt / SPAN_MS);
}
