/**
 * What is decided on the server, at one moment and by its clock: whether a session lives, whether a
 * write may be made, and what is left of it. Each script touches one key.
 *
 * A session is a hash: `d` its text, `c` the newer cookie of a touch, `e` when it expires, `t` when it
 * was created, `w` the token of the last write, `u` its user, `x` until when the list of the user's
 * sessions has it for sure, and `i` its id where it is encrypted. Where sessions are moved over from
 * elsewhere, `m` marks one that was destroyed, so that it is not moved over once more.
 *
 * A session lives until the millisecond of `e` begins. Redis has its key until that is over, so a key
 * alone does not tell that the session lives. (It cannot be set to a millisecond before: a time that
 * has come deletes the key at once, and the session would end too early.)
 *
 * A write that comes too late, from a connection that was given up, changes nothing: its call has
 * failed by then. A token is the name of the process and a number that grows, so that an older write
 * of the same process changes nothing either.
 */

/** What each script begins with. Each line of a script that is called most costs the server. */
const HEAD = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local key = KEYS[1]
`;

/** Ends the script with the time of the server, negated, if it is past the deadline. */
const late = (argument: number): string =>
  `if now > tonumber(ARGV[${argument}]) then return -now end\n`;

/** Whether a session lives that expires at `e` and was created at `t`, with the absolute ttl `abs`. */
const LIVES = "tonumber(e) > now and (abs == 0 or not t or t + abs > now)";

/** Lets a session that was created at `t` expire at `e`, or earlier by its age; `expiry` is the same as text. */
const limited = (argument: number): string => `local expiry = ARGV[${argument}]
e = tonumber(expiry)
if abs > 0 and t and t + abs < e then
  e = t + abs
  expiry = string.format('%.0f', e)
end`;

/** Has the key expire with the session. */
const EXPIRE = "redis.call('PEXPIREAT', key, expiry)";

/**
 * ARGV: mode, text, expiry, absolute ttl (0: none), process, number, deadline, the token that was
 * last, if it is tried again; and, if there are such, user, listed until (empty: as it is), sealed id,
 * when the session was created.
 * Answers whether there was a live session, or one of {@link REFUSED}, {@link UNKNOWN}, {@link UNLISTED}.
 */
const STORE = `${HEAD}${late(7)}
local mode, abs, user, listed = ARGV[1], tonumber(ARGV[4]), ARGV[9], ARGV[10]
if user == '' then user = nil end
local h = redis.call('HMGET', key, 'e', 't', 'w', 'u', 'x', 'c')
local e, t, w = h[1], h[2], h[3]
local live = e and ${LIVES}
if w and string.sub(w, 1, #ARGV[5]) == ARGV[5] then
  local found, number = tonumber(string.sub(w, #ARGV[5] + 1)), tonumber(ARGV[6])
  if found > number then return 1 end
  if found == number then
    -- Written again, so that a wait for replicas is one for this.
    redis.call('HSET', key, 'w', w)
    return 1
  end
end
if not live and mode == 'update' then return -1 end
if ARGV[8] ~= '' and (not live or w ~= ARGV[8]) then return -2 end
local exists = e
t = ARGV[12] or (live and t or string.format('%.0f', now))
${limited(3)}
if e <= now then
  if exists then redis.call('UNLINK', key) end
  return live and 1 or 0
end
if user and listed == '' then
  if not live or h[4] ~= user or not h[5] or tonumber(h[5]) < e then return -3 end
  listed = h[5]
end
if exists and not live then redis.call('UNLINK', key) end
redis.call('HSET', key, 'd', ARGV[2], 'e', expiry, 't', t, 'w', ARGV[5] .. ARGV[6])
if user then redis.call('HSET', key, 'u', user, 'x', listed) end
if ARGV[11] and ARGV[11] ~= '' then redis.call('HSET', key, 'i', ARGV[11]) end
if live and h[6] then redis.call('HDEL', key, 'c') end
if live and h[4] and not user then redis.call('HDEL', key, 'u', 'x') end
${EXPIRE}
return live and 1 or 0`;

/**
 * ARGV: cookie (empty: as it is), expiry, absolute ttl, deadline, the token that must be last (empty:
 * any), listed until (empty: as it is).
 * Answers whether there is a live session; or, where the list of a user must be told, an array of
 * that, the user and when the session expires.
 */
const TOUCH = `${HEAD}${late(4)}
local abs = tonumber(ARGV[3])
local h = redis.call('HMGET', key, 'e', 't', 'w', 'u', 'x')
local e, t = h[1], h[2]
if not e or not (${LIVES}) then return 0 end
if ARGV[5] ~= '' and h[3] ~= ARGV[5] then return 1 end
${limited(2)}
if e <= now then
  redis.call('UNLINK', key)
  return 0
end
if ARGV[1] == '' then redis.call('HSET', key, 'e', expiry)
else redis.call('HSET', key, 'e', expiry, 'c', ARGV[1]) end
if ARGV[6] ~= '' and h[4] then redis.call('HSET', key, 'x', ARGV[6]) end
${EXPIRE}
if h[4] and ARGV[6] == '' and tonumber(h[5] or 0) < e then return {1, h[4], expiry} end
return 1`;

/**
 * ARGV: deadline, absolute ttl, the user whose it must be (empty: anybody's), and, if it is tried
 * again, before when it must have been created.
 * Answers whether there was a live session, with its user and until when it is listed if it has one;
 * or {@link UNKNOWN}.
 * @param mark what marks the session as one that was destroyed, in the script
 */
const destroying = (mark: string): string => `${HEAD}${late(1)}
local h = redis.call('HMGET', key, 'e', 't', 'u', 'x')
local e, t, abs = h[1], h[2], tonumber(ARGV[2])
if ARGV[3] ~= '' and h[3] ~= ARGV[3] then return 0 end
if e then
  if ARGV[4] ~= '' and not (t and tonumber(t) < tonumber(ARGV[4])) then return -2 end
  redis.call('UNLINK', key)
end
${mark}
if not e or not (${LIVES}) then return 0 end
if h[3] then return {1, h[3], h[4] or '0'} end
return 1`;

/** How long a mark stays that nobody takes away: longer than any move of sessions takes. */
const MARKED_MS = 30 * 86_400_000;

const MARK = `redis.call('HSET', key, 'm', '1')
redis.call('PEXPIREAT', key, string.format('%.0f', now + ${MARKED_MS}))`;

/** Takes a mark away, and with it the key, unless that has a session by now. */
const UNMARK = "return redis.call('HDEL', KEYS[1], 'm')";

/**
 * Stores a session that comes from elsewhere, unless there is one, or it is marked.
 * ARGV: text, cookie (empty: none), expiry, creation (empty: now), absolute ttl, token, deadline, user
 * (empty: nobody's), listed until, sealed id (empty: none).
 * Answers whether there was a live session before.
 */
const ADOPT = `${HEAD}${late(7)}
local abs = tonumber(ARGV[5])
local h = redis.call('HMGET', key, 'e', 't', 'm')
local e, t = h[1], h[2]
if e and ${LIVES} then return 1 end
if h[3] then return 0 end
if e then redis.call('UNLINK', key) end
t = ARGV[4] ~= '' and ARGV[4] or string.format('%.0f', now)
${limited(3)}
if e <= now then return 0 end
redis.call('HSET', key, 'd', ARGV[1], 'e', expiry, 't', t, 'w', ARGV[6])
if ARGV[2] ~= '' then redis.call('HSET', key, 'c', ARGV[2]) end
if ARGV[8] ~= '' then redis.call('HSET', key, 'u', ARGV[8], 'x', ARGV[9]) end
if ARGV[10] ~= '' then redis.call('HSET', key, 'i', ARGV[10]) end
${EXPIRE}
return 0`;

/** Lists a session among those of a user. ARGV: the session's name, listed until, deadline. */
const LIST = `${HEAD}${late(3)}
local till = tonumber(ARGV[2])
redis.call('ZADD', key, 'GT', ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. string.format('%.0f', now))
local left = redis.call('PTTL', key)
if left < 0 or now + left < till then redis.call('PEXPIREAT', key, ARGV[2]) end
return 1`;

/** Takes it out, if it has not been listed anew. ARGV: the session's name, listed until. */
const UNLIST = `
local till = redis.call('ZSCORE', KEYS[1], ARGV[1])
if till and tonumber(till) == tonumber(ARGV[2]) then return redis.call('ZREM', KEYS[1], ARGV[1]) end
return 0`;

export const SCRIPTS = {
  store: STORE,
  touch: TOUCH,
  destroy: destroying(""),
  destroyAndMark: destroying(MARK),
  unmark: UNMARK,
  adopt: ADOPT,
  list: LIST,
  unlist: UNLIST,
};
export type ScriptName = keyof typeof SCRIPTS;

/** An update found no live session. */
export const REFUSED = -1;
/** Whether an earlier try took effect cannot be known. */
export const UNKNOWN = -2;
/** The list of the user's sessions must have the session first. */
export const UNLISTED = -3;

/** The time of the server, if an answer says that a command came too late; else null. */
export function lateness(reply: unknown): number | null {
  return typeof reply === "number" && reply < UNLISTED ? -reply : null;
}
