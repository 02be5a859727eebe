/**
 * Which uncommitted writes take effect. Some do only where they find a certain session: an update one
 * that lives, the deletion of a user's session one of that user. What a write finds depends on the
 * writes before it: should one of them fail, it is decided again about those behind it.
 */
import type { StoreError } from "../../protocol/errors.js";
import type { SessionDocument } from "./documents/document.js";
import type { Lifetime } from "./lifetime.js";
import { isLive, type PendingWrite } from "./pending-write.js";

/** What a write finds, if there is anything. */
export type Found = SessionDocument | null | undefined;

/** Decides whether a write takes effect. @param before what it finds */
export function decide(write: PendingWrite, before: Found): void {
  if (write.liveAt !== undefined) write.isVoid = !isLive(before, write.liveAt);
  else if (write.user !== undefined) write.isVoid = before?.user !== write.user;
}

/**
 * Decides again about a write and those behind it, up to one that takes effect in any case.
 * @param before what the first one finds
 * @param error that of the write before it which failed, or undefined if none did
 */
export function decideAgain(
  first: PendingWrite,
  before: Found,
  lifetime: Lifetime,
  error: StoreError | undefined,
): void {
  let found = before;
  for (let write: PendingWrite | undefined = first; write !== undefined; write = write.next) {
    if (!isConditional(write)) return;
    if (isUndecided(write)) decideOne(write, found, lifetime, error);
    if (write.isVoid !== true) found = write.session;
  }
}

function decideOne(
  write: PendingWrite,
  before: Found,
  lifetime: Lifetime,
  error: StoreError | undefined,
): void {
  const { session, isVoid: wasVoid } = write;
  decide(write, before);
  if (session === null) return;
  if (write.isVoid !== true) {
    // What an update stores is as old as what it finds.
    session.createdAt = before?.createdAt ?? session.createdAt;
    session.expiresAt = lifetime.expiry(session.expiresAt, session.createdAt);
  } else if (wasVoid === false && error !== undefined) write.failure = error;
}

/** Whether it is not settled yet what a write finds. */
function isUndecided({ session, liveAt, user, commit, failure }: PendingWrite): boolean {
  if (commit !== undefined || failure !== undefined) return false;
  if (liveAt === undefined || session === null) return user !== undefined;
  // What a touch has ended meanwhile had been found.
  return session.expiresAt > liveAt;
}

/** Whether it takes effect only where it finds what it must find. */
function isConditional({ liveAt, user }: PendingWrite): boolean {
  return liveAt !== undefined || user !== undefined;
}
