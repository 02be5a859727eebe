/**
 * Owns what becomes of updates, and of the deletion of a user's sessions, where commits fail: what
 * is found by a write is what those before it have left, not what they were to leave.
 */
import { describe, expect, it } from "vitest";
import type { WriteOutcome } from "../../src/protocol/contract.js";
import { Lifetime } from "../../src/worker/disk/lifetime.js";
import { memoryLimits, MemoryRoom } from "../../src/worker/disk/memory-room.js";
import { UserSessions } from "../../src/worker/disk/user-sessions.js";
import { Writer } from "../../src/worker/disk/writer.js";
import { LATER, MAX_PENDING_MS, scene, turns, UNLIMITED } from "../support/commit-scene.js";
import { type Random, SEED, seededRandom } from "../support/random.js";

const FAILED = { name: "StoreError", code: "STORE_IO" };

type Mode = "put" | "update";

/** A session with the number of its cookie, as JSON text. */
function text(n: number, cookie = 0): string {
  return JSON.stringify({ cookie: { path: `/${cookie}` }, n });
}

/** A committer whose appends wait until a test lets each of them succeed or fail. */
async function world(lifetime = UNLIMITED) {
  const base = await scene(true, lifetime);
  const { collection, pending, committer, executed, clock, journal, files } = base;
  const room = new MemoryRoom({
    collection,
    pending,
    limits: memoryLimits(),
    onFull: () => undefined,
    report: () => undefined,
  });
  const parts = { collection, pending, committer, room, lifetime, executed };
  const writer = new Writer(parts);
  const users = new UserSessions(parts);
  journal.held = true;
  return {
    ...base,
    writer,

    store: async (sid: string, mode: Mode, json: string, user: string): Promise<WriteOutcome> => {
      const [outcome] = await writer.write([[sid, json, LATER, mode, user]], clock.now());
      return outcome!;
    },

    destroy: async (sid: string): Promise<WriteOutcome> => {
      const [outcome] = await writer.write([[sid]], clock.now());
      return outcome!;
    },

    destroyAllOf: (user: string): Promise<number> => users.destroy(user, null, clock.now()),

    /** Lets the append under way succeed, or fail; after a failed fsync the journal is replaced. */
    append: async (fault: "write" | "sync" | null = null): Promise<void> => {
      await turns();
      journal.fault = fault;
      journal.letOne();
      await turns();
      journal.fault = null;
      if (journal.trusted) return;
      journal.replace(
        await files.open(`/journal of append ${journal.appends.length}`, "create"),
        0,
      );
      committer.resume();
    },
  };
}

type World = Awaited<ReturnType<typeof world>>;

/** A world in which "a" is stored, and a commit of "other" is under way: what comes now waits. */
async function busy(lifetime = UNLIMITED): Promise<World> {
  const made = await world(lifetime);
  const stored = made.store("a", "put", text(1), "ann");
  await made.append();
  await stored;
  void made.store("other", "put", text(0), "nobody");
  await turns();
  return made;
}

describe("an update", () => {
  it("fails with the put that it relies on", async () => {
    const { store, append, shown } = await world();
    const login = store("new", "put", text(1), "ann");
    await turns();
    const update = store("new", "update", text(2), "ann");
    await append("write");
    expect(await login).toMatchObject(FAILED);
    await append();
    expect(await update).toMatchObject(FAILED);
    expect(shown("new")).toBeUndefined();
  });

  it("of what is there already is stored, though the put before it fails", async () => {
    const { store, append, shown } = await busy();
    const put = store("a", "put", text(2), "ann");
    await append();
    const update = store("a", "update", text(3), "ann");
    await append("write");
    expect(await put).toMatchObject(FAILED);
    await append();
    expect(await update).toBe(1);
    expect(shown("a")).toBe(text(3));
  });

  const DELETIONS: Record<string, (world: World) => Promise<unknown>> = {
    "the destroy": ({ destroy }) => destroy("a"),
    "the end of the user's sessions": ({ destroyAllOf }) => destroyAllOf("ann"),
    "the clear": ({ committer }) => committer.clear(),
  };

  it.each(Object.entries(DELETIONS))("is stored where %s before it fails", async (_, remove) => {
    const made = await busy();
    const removal = remove(made).catch((error: unknown) => error);
    await made.append();
    const update = made.store("a", "update", text(2), "ann");
    expect(made.shown("a")).toBeUndefined();
    await made.append("write");
    expect([await removal].flat()).toMatchObject([FAILED]);
    await made.append();
    await update;
    expect(made.shown("a")).toBe(text(2));
    expect(made.writer.refused).toBe(0);
  });

  it.each(Object.entries(DELETIONS))("changes nothing after %s", async (_, remove) => {
    const made = await busy();
    const removal = remove(made);
    const update = made.store("a", "update", text(2), "ann");
    for (let n = 0; n < 3; n++) await made.append();
    await removal;
    expect(await update).toBe(0);
    expect(made.shown("a")).toBeUndefined();
    expect(made.writer.refused).toBe(1);
  });

  it("fails with the put that it relies on, though a clear came meanwhile", async () => {
    const { store, append, shown, committer } = await busy();
    const put = store("new", "put", text(2), "ann");
    await append();
    const update = store("new", "update", text(3), "ann");
    const cleared = committer.clear().catch((error: unknown) => error);
    await append("write");
    expect(await put).toMatchObject(FAILED);
    await append("write");
    expect(await cleared).toMatchObject(FAILED);
    expect(await update).toMatchObject(FAILED);
    expect(shown("new")).toBeUndefined();
  });

  it("finds the put before a clear that has waited for too long", async () => {
    const { store, append, shown, committer, clock, writer } = await busy();
    const put = store("new", "put", text(2), "ann");
    await append();
    const cleared = committer.clear().catch((error: unknown) => error);
    clock.tick(MAX_PENDING_MS / 2);
    const update = store("new", "update", text(3), "ann");
    clock.tick(MAX_PENDING_MS / 2);
    expect(await cleared).toMatchObject({ code: "STORE_OVERLOADED" });
    await append();
    await append();
    await Promise.all([put, update]);
    expect(shown("new")).toBe(text(3));
    expect(writer.refused).toBe(0);
  });

  it("of nothing but the cookie fails with the put that it shares the commit of", async () => {
    const { store, append, shown } = await busy();
    const put = store("a", "put", text(2), "ann");
    await append();
    const update = store("a", "update", text(2, 1), "ann");
    await append("write");
    expect(await put).toMatchObject(FAILED);
    expect(await update).toMatchObject(FAILED);
    expect(shown("a")).toBe(text(1));
  });
});

describe("what is deleted", () => {
  it("stays deleted while the deletion waits, though a clear has been given up", async () => {
    const { store, append, shown, committer, destroy } = await busy();
    const removal = destroy("a");
    const cleared = committer.clear().catch((error: unknown) => error);
    // What waits fails then, but a logout, which is committed after this.
    await append("sync");
    expect(await cleared).toMatchObject(FAILED);
    expect(shown("a")).toBeUndefined();
    const update = store("a", "update", text(2), "ann");
    for (let n = 0; n < 3; n++) await append();
    await Promise.all([removal, update]);
    expect(shown("a")).toBeUndefined();
  });

  it("with a user's sessions is what the user has, whichever writes fail", async () => {
    const { store, append, shown, destroyAllOf } = await busy();
    const toBob = store("a", "put", text(2), "bob");
    await append();
    const ended = destroyAllOf("ann");
    await append("write");
    expect(await toBob).toMatchObject(FAILED);
    await append();
    await ended;
    expect(shown("a")).toBeUndefined();
  });

  it("with a user's sessions is nobody else's", async () => {
    const { store, append, shown, destroyAllOf } = await busy();
    const toBob = store("a", "put", text(2), "bob");
    await append();
    const ended = destroyAllOf("bob");
    await append("write");
    expect(await toBob).toMatchObject(FAILED);
    await append();
    await ended;
    expect(shown("a")).toBe(text(1));
  });
});

describe("the limit of a life", () => {
  const LIMIT = 1000;

  /** The session "a", half of whose life is over, with the next life under its id on its way. */
  async function nextLife() {
    const made = await busy(new Lifetime({ absoluteTtlMs: LIMIT, hasUsers: false }));
    made.clock.tick(LIMIT / 2);
    const removal = made.destroy("a");
    const put = made.store("a", "put", text(2), "ann");
    await made.append();
    return { ...made, end: made.clock.now() + LIMIT / 2, calls: [removal, put] };
  }

  it("is that of the session which is left, for a touch of one that is not stored", async () => {
    const { committer, pending, append, calls, end } = await nextLife();
    committer.touch("a", null, LATER);
    expect(pending.visible("a")?.expiresAt).toBe(end + LIMIT / 2);
    await append("write");
    for (const answer of calls) expect(await answer).toMatchObject(FAILED);
    expect(pending.visible("a")?.expiresAt).toBe(end);
  });

  it("is that of the session which is left, for an update of one that is not stored", async () => {
    const { store, pending, append, calls, end } = await nextLife();
    const update = store("a", "update", text(3), "ann");
    await append("write");
    for (const answer of calls) expect(await answer).toMatchObject(FAILED);
    await append();
    expect(await update).toBe(1);
    expect(pending.visible("a")).toMatchObject({ json: text(3), expiresAt: end });
  });
});

/** What a call was to do, and how it was answered. */
interface Made {
  readonly kind: "put" | "update" | "touch" | "destroy" | "end" | "clear";
  readonly sid: string;
  readonly n: number;
  readonly cookie: number;
  readonly user: string;
  answer: unknown;
}

interface Session {
  readonly n: number;
  readonly cookie: number;
  readonly user: string;
}

/** What the calls come to, one after another, where those that failed are left out. */
function serial(calls: readonly Made[]): Map<string, Session> {
  const sessions = new Map<string, Session>();
  for (const { kind, sid, n, cookie, user, answer } of calls) {
    const found = sessions.get(sid);
    if (typeof answer === "object" || answer === false) continue;
    if (kind === "put") sessions.set(sid, { n, cookie, user });
    else if (kind === "destroy") sessions.delete(sid);
    else if (kind === "clear") sessions.clear();
    else if (kind === "end") {
      for (const [other, session] of sessions) if (session.user === user) sessions.delete(other);
    } else if (found !== undefined) {
      sessions.set(sid, kind === "touch" ? { ...found, cookie } : { n, cookie, user });
    }
  }
  return sessions;
}

const SIDS = ["a", "b", "c"];

function call(made: World, random: Random, calls: Made[]): void {
  const kind = random.pick(["put", "put", "update", "update", "update", "touch", "destroy", "end"]);
  const sid = random.pick(SIDS);
  const visible = made.pending.visible(sid);
  const isSame = visible !== undefined && random.integer(3) === 0;
  const entry: Made = {
    kind: random.integer(8) === 0 ? "clear" : (kind as Made["kind"]),
    sid,
    n: isSame ? (JSON.parse(visible.json) as { n: number }).n : calls.length,
    cookie: calls.length,
    user: isSame ? visible.user! : random.pick(["ann", "bob"]),
    answer: undefined,
  };
  calls.push(entry);
  const answered = (answer: unknown): void => void (entry.answer = answer ?? true);
  const json = text(entry.n, entry.cookie);
  if (entry.kind === "put" || entry.kind === "update") {
    void made.store(sid, entry.kind, json, entry.user).then(answered);
  } else if (entry.kind === "destroy") void made.destroy(sid).then(answered);
  else if (entry.kind === "end") made.destroyAllOf(entry.user).then(answered, answered);
  else if (entry.kind === "clear") made.committer.clear().then(answered, answered);
  else {
    entry.answer = visible !== undefined;
    const cookie = JSON.stringify({ path: `/${entry.cookie}` });
    if (visible !== undefined) made.committer.touch(sid, cookie, LATER);
  }
}

/** The sessions that calls see. */
function seen({ pending }: World): Map<string, Session> {
  const found = new Map<string, Session>();
  for (const sid of SIDS) {
    const session = pending.visible(sid);
    if (session === undefined) continue;
    const { n, cookie } = JSON.parse(session.json) as { n: number; cookie: { path: string } };
    const { path } =
      session.cookie === null ? cookie : (JSON.parse(session.cookie) as typeof cookie);
    found.set(sid, { n, cookie: Number(path.slice(1)), user: session.user! });
  }
  return found;
}

describe("calls at once, of which some fail", () => {
  it(`leave what they leave one after another without those (TEST_SEED=${SEED})`, async () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 300; round++) {
      const made = await world();
      const calls: Made[] = [];
      for (let step = 0; step < 40; step++) {
        if (random.integer(3) > 0) call(made, random, calls);
        else await made.append(random.pick([null, null, "write", "write", "sync"]));
      }
      const isOver = (): boolean => calls.every(({ answer }) => answer !== undefined);
      for (let n = 0; n < 100 && !isOver(); n++) await made.append();
      expect(isOver()).toBe(true);
      const what = `TEST_SEED=${SEED}, round ${round}: ${JSON.stringify(calls)}`;
      expect(Object.fromEntries(seen(made)), what).toEqual(Object.fromEntries(serial(calls)));
    }
  });
});
