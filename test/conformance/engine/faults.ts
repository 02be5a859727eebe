/**
 * Owns the faults of an engine that the engine suite must notice, one for each of its tests. A fault
 * is a set of methods that replace those of the model.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { Engine } from "../../../src/protocol/contract.js";
import { StoreError } from "../../../src/protocol/errors.js";
import { encodeError } from "../../../src/protocol/wire-error.js";
import { SEED } from "../../support/random.js";
import type { ModelPlace, ModelSession } from "./model-engine.js";

export type Fault = (right: Engine, place: ModelPlace) => Partial<Engine>;

const ERROR = new StoreError("STORE_IO", "a fault");

const neverExpires: Fault = (right) => ({
  write: (writes) => right.write(writes.map(([sid, json]) => (json ? [sid, json, 9e15] : [sid]))),
});

const expiresLate: Fault = (right) => ({
  write: (writes) =>
    right.write(
      writes.map(([sid, json, expiresAt = 0]) => (json ? [sid, json, expiresAt + 1] : [sid])),
    ),
});

const touchLeavesExpiry: Fault = (right, { sessions }) => ({
  touch: (touches) =>
    right.touch(touches.map(([sid, cookie]) => [sid, cookie, sessions.get(sid)?.expiresAt ?? 0])),
});

const getIsOvertaken: Fault = (right) => ({
  get: (sids) => turn().then(() => right.get(sids)),
});

const fails: Fault = () => ({ stats: () => Promise.reject(ERROR) });

const answersWhenClosed: Fault = (_, { sessions }) => ({
  length: () => Promise.resolve(sessions.size),
});

const deathLosesAll: Fault = (right, place) => ({
  get(sids) {
    if (place.deaths > 0) place.sessions.clear();
    return right.get(sids);
  },
});

const closingLosesAll: Fault = (right, { sessions }) => ({
  close() {
    sessions.clear();
    return right.close();
  },
});

const GET: Readonly<Record<string, Fault>> = {
  "get answers for each id in its place, null where there is no session": (right) => ({
    get: async (sids) => (await right.get(sids)).filter((found) => found !== null),
  }),
  "get answers the text that was written": (right) => ({
    get: async (sids) =>
      (await right.get(sids)).map((found) => JSON.stringify(JSON.parse(String(found)))),
  }),
  "get takes any string as an id": (right) => ({
    get: (sids) => right.get(sids.map((sid) => sid.normalize())),
  }),
};

const WRITE: Readonly<Record<string, Fault>> = {
  "write answers whether there was a live session to replace or delete": (right) => ({
    write: async (writes) => (await right.write(writes)).map(() => 0),
  }),
  "write applies several writes of one id one after the other": (right) => ({
    async write(writes) {
      const found = await right.get(writes.map(([sid]) => sid));
      await right.write(writes);
      return found.map((session) => (session === null ? 0 : 1));
    },
  }),
  "write replaces text, cookie and expiry": (right, { sessions }) => ({
    async write(writes) {
      const before = new Map(sessions);
      const outcomes = await right.write(writes);
      for (const [sid, { cookie }] of before) revise(sessions, sid, { cookie });
      return outcomes;
    },
  }),
  "write does not take an expired session for a live one": (right, { sessions }) => ({
    async write(writes) {
      const outcomes = writes.map(([sid]) => (sessions.has(sid) ? 1 : 0));
      await right.write(writes);
      return outcomes;
    },
  }),
  "write leaves nothing of a session that has expired already": neverExpires,
  "write answers an error as a value, and leaves what was there before": (right, place) => ({
    write: (writes) => (place.broken ? Promise.reject(ERROR) : right.write(writes)),
  }),
  "write succeeds again when what made it fail is over": (right, place) => {
    let failed = false;
    return {
      async write(writes) {
        failed ||= place.broken;
        return failed ? writes.map(() => encodeError(ERROR)) : right.write(writes);
      },
    };
  },
};

const alwaysPuts: Fault = (right) => ({
  write: (writes) =>
    right.write(
      writes.map(([sid, json, expiresAt = 0, , user]) =>
        json === undefined ? [sid] : [sid, json, expiresAt, "put", user ?? null],
      ),
    ),
});

const UPDATE: Readonly<Record<string, Fault>> = {
  "an update stores where a live session is, and nowhere else": alwaysPuts,
  "an update brings nothing back that a call before it has deleted": alwaysPuts,
  "an update stores what a call before it has put": (right, { sessions }) => ({
    async write(writes) {
      const known = new Set(sessions.keys());
      await turn();
      return right.write(writes.filter(([sid, , , mode]) => mode !== "update" || known.has(sid)));
    },
  }),
  "an update of nothing but the cookie replaces that and moves the expiry": (
    right,
    { sessions },
  ) => ({
    async write(writes) {
      const before = new Map(sessions);
      const outcomes = await right.write(writes);
      for (const [sid, { expiresAt }] of before) revise(sessions, sid, { expiresAt });
      return outcomes;
    },
  }),
};

const MOVED: Readonly<Record<string, Fault>> = {
  "a session that is moved is seen with all that is stored of it": (right) => ({
    inspect: async (sids) =>
      (await right.inspect(sids)).map((seen) => seen && [seen[0], seen[1], seen[2], null]),
  }),
  "a session that is moved is as it was in the other place": (right) => ({
    write: (writes) =>
      right.write(
        writes.map(([sid, json, expiresAt = 0, mode = "put", user = null]) =>
          json ? [sid, json, expiresAt, mode, user] : [sid],
        ),
      ),
  }),
  "a session that is moved replaces one that is there, cookie and time of creation too": (
    right,
    { sessions },
  ) => ({
    write: (writes) =>
      right.write(
        writes.map((write) =>
          sessions.has(write[0]) ? write.slice(0, 5) : write,
        ) as typeof writes,
      ),
  }),
  "a session that is moved is seen in the same way by the next engine": closingLosesAll,
};

const USERS: Readonly<Record<string, Fault>> = {
  "the sessions of a user are found with their times, the newest first": (right) => ({
    sessionsOf: async (user) => (await right.sessionsOf(user)).reverse(),
  }),
  "the sessions of a user are only those that live, and are the user's now": (_, { sessions }) => ({
    sessionsOf: (user) =>
      Promise.resolve(
        [...sessions]
          .filter(([, session]) => session.user === user)
          .map(([sid, { json, createdAt, expiresAt }]) => [sid, json, createdAt, expiresAt]),
      ),
  }),
  "the sessions of a user end at once, but for one, and no update brings them back": alwaysPuts,
  "the sessions of a user are all there as before when ending them fails": (right, place) => ({
    async destroyAllOf(user) {
      const mine = [...place.sessions].filter(([, session]) => session.user === user);
      for (const [sid] of mine) place.sessions.delete(sid);
      if (place.broken) throw ERROR;
      return mine.length;
    },
  }),
  "the sessions of a user are found by the next engine": (right, { sessions }) => ({
    close() {
      for (const sid of sessions.keys()) revise(sessions, sid, { user: null });
      return right.close();
    },
  }),
};

const TOUCH: Readonly<Record<string, Fault>> = {
  "touch replaces the cookie, and leaves the text as it is": (right) => ({
    touch: (touches) => right.touch(touches.map(([sid, , expiresAt]) => [sid, null, expiresAt])),
  }),
  "touch keeps the cookie when it brings none": (right) => ({
    touch: (touches) =>
      right.touch(touches.map(([sid, cookie, expiresAt]) => [sid, cookie ?? "{}", expiresAt])),
  }),
  "touch leaves the cookie of the last of several of one call": (right) => ({
    touch: (touches) => right.touch(touches.toReversed()),
  }),
  "touch lets a session live longer": touchLeavesExpiry,
  "touch lets a session end sooner": touchLeavesExpiry,
  "touch answers for each id in its place, false where no session lives": (right) => ({
    touch: async (touches) => (await right.touch(touches)).map(() => true),
  }),
  "touch makes no session, and brings none back": (right, { sessions }) => ({
    touch(touches) {
      for (const [sid, , expiresAt] of touches) revise(sessions, sid, { expiresAt });
      return right.touch(touches);
    },
  }),
};

const LIST: Readonly<Record<string, Fault>> = {
  "the list of sessions tells of every live session, and of no other": (_, { sessions }) => ({
    ids: () => Promise.resolve([...sessions.keys()]),
  }),
  "the list of sessions is emptied by clear, which answers how many sessions were live": (
    right,
    { sessions },
  ) => ({
    async clear() {
      const all = sessions.size;
      await right.clear();
      return all;
    },
  }),
  "the list of sessions has no limit in number": (right, { sessions }) => ({
    async clear() {
      const live = await right.length();
      for (const sid of [...sessions.keys()].slice(0, 1_000)) sessions.delete(sid);
      return live;
    },
  }),
  "the list of sessions stays as it was when clear fails": (right, place) => ({
    async clear() {
      const live = await right.length();
      place.sessions.clear();
      if (place.broken) throw ERROR;
      return live;
    },
  }),
};

const COMPACT: Readonly<Record<string, Fault>> = {
  "compact changes no session, not even one that is written meanwhile": (_, { sessions }) => ({
    async compact() {
      for (const sid of sessions.keys()) revise(sessions, sid, { cookie: null });
    },
  }),
  "compact may be called where there is nothing": (_, { sessions }) => ({
    compact: () => (sessions.size === 0 ? Promise.reject(ERROR) : Promise.resolve()),
  }),
  "compact loses nothing that the next engine should find": (_, { sessions }) => ({
    async compact() {
      sessions.clear();
    },
  }),
};

const CLOSE: Readonly<Record<string, Fault>> = {
  "close may be called again, meanwhile and later": (right) => {
    let closed = false;
    return {
      async close() {
        if (closed) throw ERROR;
        closed = true;
        await right.close();
      },
    };
  },
  "close comes after what was called before it": getIsOvertaken,
  "close leaves to the next engine what was written, deleted and touched": closingLosesAll,
  "close leaves nothing to the next engine of what was cleared": (right) => ({
    clear: () => right.length(),
  }),
  "close comes after what was called before the engine was open": closingLosesAll,
};

/** By the subject and the title of the test. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  ...GET,
  ...WRITE,
  ...UPDATE,
  ...TOUCH,
  ...MOVED,
  ...USERS,
  ...LIST,
  "an expiry is met to the millisecond by every call that reads": expiresLate,
  "an expiry is met to the millisecond by what a write answers": expiresLate,
  "an expiry is met to the millisecond when a touch has moved it": (right) => ({
    touch: (touches) =>
      right.touch(touches.map(([sid, cookie, expiresAt]) => [sid, cookie, expiresAt - 1])),
  }),
  "calls made at once are answered in their order": getIsOvertaken,
  "calls made at once are acknowledged in their order where they change something": (right) => ({
    clear: () => Promise.all([right.clear()]).then(([live]) => live),
  }),
  [`calls made at once are answered as the model answers them (TEST_SEED=${SEED})`]: getIsOvertaken,
  ...COMPACT,
  "every call is answered in its turn when it was made before the engine was open": fails,
  "every call is answered while the engine is open": fails,
  "every call is refused while the engine is closing": answersWhenClosed,
  "every call is refused when the engine was closed before it was open": answersWhenClosed,
  "every call is refused when the engine has closed": answersWhenClosed,
  "every call is answered after a death": (right, place) => ({
    get: (sids) => (place.deaths > 0 ? Promise.reject(ERROR) : right.get(sids)),
  }),
  "every call finds after a death what was acknowledged before": deathLosesAll,
  "every call is answered in its turn when a death came between": deathLosesAll,
  ...CLOSE,
};

function revise(
  sessions: Map<string, ModelSession>,
  sid: string,
  change: Partial<ModelSession>,
): void {
  const session = sessions.get(sid);
  if (session !== undefined) sessions.set(sid, { ...session, ...change });
}
