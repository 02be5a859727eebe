/**
 * What the writes of a call come to: which of them store a session, delete one, only prolong the life
 * of one, or change nothing; and what each is answered with.
 */
import type { Write, WriteOutcome } from "../../protocol/contract.js";
import { encodeError } from "../../protocol/wire-error.js";
import type { Committer } from "./committer.js";
import type { Collection } from "./documents/collection.js";
import { onlyCookieChanged, type SessionDocument } from "./documents/document.js";
import type { Executed, Mark, Token } from "./executed.js";
import type { Lifetime } from "./lifetime.js";
import type { MemoryRoom, Reservation } from "./memory-room.js";
import { isLive, type PendingWrite } from "./pending-write.js";
import type { PendingWrites } from "./pending-writes.js";

interface WriterParts {
  readonly collection: Collection;
  readonly pending: PendingWrites;
  readonly committer: Committer;
  readonly room: MemoryRoom;
  readonly lifetime: Lifetime;
  readonly executed: Executed;
}

/** The writes of one call, which are committed together. */
interface Call {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Whose call it is; undefined for the owner's own. */
  readonly guest: string | undefined;
  readonly made: PendingWrite[];
  /** Those of other calls on which outcomes of this one depend. */
  readonly joined: Set<PendingWrite>;
  readonly reservation: Reservation;
}

/** What a write comes to, unless the uncommitted one fails on which that depends. */
interface Result {
  readonly outcome: WriteOutcome;
  readonly dependsOn?: PendingWrite | undefined;
}

/** A write that is no deletion. */
type Storing = Exclude<Write, readonly [sid: string]>;

export class Writer {
  readonly #parts: WriterParts;
  /** How many updates found no live session. */
  refused = 0;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** @param tokens which writes of a guest they are */
  async write(
    writes: readonly Write[],
    now: number,
    tokens: readonly Token[] = [],
  ): Promise<WriteOutcome[]> {
    const { committer, room } = this.#parts;
    const reservation = room.reserve();
    const guest = tokens[0]?.guest;
    const call: Call = { now, guest, made: [], joined: new Set(), reservation };
    const results = writes.map((write, index) => this.#apply(write, call, tokens[index]));
    if (call.made.length > 0) {
      // A logout waits rather than fails: what is wrong with the disk may be over soon.
      const isLogout = call.made.every(({ session }) => session === null);
      const committed = committer.submit(call.made, isLogout);
      // Each write knows whether it has failed.
      await room.releaseAfter(reservation, committed).catch(() => undefined);
    }
    for (const { done } of call.joined) await done?.catch(() => undefined);
    return results.map((result) => this.#outcome(result));
  }

  #apply(write: Write, call: Call, token: Token | undefined): Result {
    const { collection, pending } = this.#parts;
    const [sid] = write;
    const before = pending.visible(sid);
    const live = isLive(before, call.now) ? before : undefined;
    if (before !== undefined) collection.use(sid, before);
    if (write.length === 1) return this.#delete(sid, token, before, live, call);
    if (live !== undefined && write[3] !== "moved") {
      const dependsOn = pending.newest(sid);
      if (this.#prolong(live, write, dependsOn)) {
        if (dependsOn !== undefined) call.joined.add(dependsOn);
        this.#mark(token, 1, dependsOn);
        return { outcome: 1, dependsOn };
      }
    }
    return this.#store(write, token, before, live, call);
  }

  #delete(
    sid: string,
    token: Token | undefined,
    before: SessionDocument | undefined,
    live: SessionDocument | undefined,
    call: Call,
  ): Result {
    const { committer, room } = this.#parts;
    const outcome = live === undefined ? 0 : 1;
    if (before !== undefined) room.discharge(call.reservation, sid, before);
    // Deleting an unknown session needs no write.
    if (!committer.mayHave(sid)) {
      this.#mark(token, outcome);
      return { outcome };
    }
    const by = markOf(token, outcome);
    return { outcome, dependsOn: this.#add({ sid, session: null, by, guest: call.guest }, call) };
  }

  /**
   * If a session is stored again as it is, moves its expiry and replaces its cookie, as a touch does.
   * @param write the uncommitted write that it comes from, if it does
   * @returns whether it is so
   */
  #prolong(
    live: SessionDocument,
    [sid, json, expiresAt, , user]: Storing,
    write: PendingWrite | undefined,
  ): boolean {
    const { committer } = this.#parts;
    if (committer.refusal !== null || (user ?? undefined) !== live.user) return false;
    const cookie = onlyCookieChanged(live.json, json);
    if (cookie === null) return false;
    committer.touch(sid, cookie, expiresAt, write);
    return true;
  }

  #store(
    [sid, json, expiresAt, mode = "put", user, known]: Storing,
    token: Token | undefined,
    before: SessionDocument | undefined,
    live: SessionDocument | undefined,
    call: Call,
  ): Result {
    const { pending, committer, room, lifetime } = this.#parts;
    if (committer.refusal !== null) return { outcome: encodeError(committer.refusal) };
    const isUpdate = mode === "update";
    if (isUpdate && live === undefined && !pending.isUncertain(sid)) {
      this.refused++;
      this.#mark(token, 0);
      return { outcome: 0 };
    }
    // An update that finds none now may find one that is hidden, if the deletion of it fails.
    const [found] = live === undefined && isUpdate ? pending.possible(sid) : [live];
    const createdAt = known ?? lifetime.creation(found, call.now);
    const session: SessionDocument = {
      json,
      cookie: null,
      expiresAt: lifetime.expiry(expiresAt, createdAt),
      createdAt,
      user: user ?? undefined,
      unused: live === undefined && mode === "put" ? true : undefined,
    };
    const { guest } = call;
    const evict = (victim: string): void =>
      void this.#add({ sid: victim, session: null, guest }, call);
    const refusal = room.admit(call.reservation, sid, session, before ?? null, evict);
    if (refusal !== null) return { outcome: encodeError(refusal) };
    const outcome = live === undefined ? 0 : 1;
    const liveAt = isUpdate ? call.now : undefined;
    const write = { sid, session, by: markOf(token, outcome), guest, liveAt };
    return { outcome, dependsOn: this.#add(write, call) };
  }

  /** Of a write without a record: its mark is due as soon as what it relies on is committed. */
  #mark(token: Token | undefined, outcome: number, dependsOn?: PendingWrite): void {
    const mark = markOf(token, outcome);
    if (mark === undefined) return;
    const { executed } = this.#parts;
    if (dependsOn?.done === undefined) executed.add([mark]);
    else {
      const add = (): void => {
        // It may have failed although the others of its commit have not.
        if (dependsOn.failure === undefined) executed.add([mark]);
      };
      dependsOn.done.then(add, () => undefined);
    }
  }

  #add(write: PendingWrite, call: Call): PendingWrite {
    this.#parts.pending.add(write);
    call.made.push(write);
    return write;
  }

  #outcome({ outcome, dependsOn }: Result): WriteOutcome {
    if (dependsOn?.failure !== undefined) return encodeError(dependsOn.failure);
    if (dependsOn?.isVoid !== true) return outcome;
    this.refused++;
    return 0;
  }
}

function markOf(token: Token | undefined, outcome: number): Mark | undefined {
  return token && { guest: token.guest, number: token.number, outcome };
}
