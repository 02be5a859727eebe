/** An uncommitted write, and the chain of those of one id. */
import type { StoreError } from "../../protocol/errors.js";
import type { SessionDocument } from "./documents/document.js";
import type { Mark } from "./executed.js";

/** A session, or null to delete it. */
export interface PendingWrite {
  readonly sid: string;
  readonly session: SessionDocument | null;
  /** Of an update: when the session must have been live, in epoch milliseconds. */
  readonly liveAt?: number | undefined;
  /** Of the deletion of a user's session: whose it must be. */
  readonly user?: string;
  /** The name of the guest that it was made for; undefined for the owner itself. */
  readonly guest?: string | undefined;
  /** Which of the numbered writes of that guest it is, if it is one. */
  readonly by?: Mark | undefined;
  /** Whether it has not found what it must find: it changes nothing. */
  isVoid?: boolean;
  /** Why it has failed: it could not be committed, or it is an update of what could not. */
  failure?: StoreError;
  /** Settles when it is committed or has failed. */
  done?: Promise<void>;
  /** The uncommitted writes of the same id before and after it. */
  previous?: PendingWrite | undefined;
  next?: PendingWrite | undefined;
  /** The number of the commit that it is part of. */
  commit?: number;
}

/** The last uncommitted write of the chain that this one is in. */
export function lastOf(write: PendingWrite): PendingWrite {
  let last = write;
  while (last.next !== undefined) last = last.next;
  return last;
}

/** This one and the uncommitted writes before it, of the same id, the latest first. */
export function* chainOf(write: PendingWrite | undefined): Generator<PendingWrite> {
  for (let at = write; at !== undefined; at = at.previous) yield at;
}

/** The latest of these that takes effect, if one does. */
export function effective(write: PendingWrite | undefined): PendingWrite | undefined {
  let latest = write;
  while (latest?.isVoid === true) latest = latest.previous;
  return latest;
}

/** The first uncommitted write before this one, of the same id. */
export function firstOf(write: PendingWrite): PendingWrite {
  let first = write;
  while (first.previous !== undefined) first = first.previous;
  return first;
}

export function isLive(
  session: SessionDocument | null | undefined,
  now: number,
): session is SessionDocument {
  return session != null && session.expiresAt > now;
}
