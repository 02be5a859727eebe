/** What changes one session: stores it, prolongs its life, deletes it. */
import type { StoredSession, Touch, Write } from "../../protocol/contract.js";
import { isMoving, MAX_TIME, type RedisEngineConfig } from "../../protocol/config.js";
import { REFUSED, UNKNOWN, UNLISTED } from "./scripts.js";
import type { Tokens } from "./tokens.js";
import { listedUntil, type UserLists, type UserListsParts } from "./user-lists.js";

/** By how much the times of server and process may differ without harm. */
const MARGIN_MS = 1000;

export interface WriterParts extends UserListsParts {
  readonly tokens: Tokens;
  readonly lists: UserLists;
}

/** What no token is. */
const NO_TOKEN = "?";

type Storing = Exclude<Write, readonly [string]>;

export class Writer {
  readonly #parts: WriterParts;
  readonly #absoluteTtl: string;
  #refused = 0;
  /** Whether what is destroyed is marked, so that it is not moved over from elsewhere. */
  marksDestroyed: boolean;

  constructor(parts: WriterParts, config: RedisEngineConfig) {
    this.#parts = parts;
    this.#absoluteTtl = String(config.absoluteTtlMs ?? 0);
    this.marksDestroyed = isMoving(config);
  }

  /** How many updates found no live session. */
  get refused(): number {
    return this.#refused;
  }

  /** @returns how many live sessions were replaced or deleted */
  write(write: Write, since: number): Promise<number> {
    if (write.length !== 1) return this.#store(write, since);
    const { names, tokens } = this.#parts;
    tokens.forget(write[0]);
    return this.#destroyKey(names.session(write[0]), null, since);
  }

  /** @returns whether there is a live session */
  async touch([sid, cookie, expiresAt]: Touch, since: number): Promise<boolean> {
    const { names, records, lists, tokens } = this.#parts;
    const key = names.session(sid);
    const sealed = cookie === null ? "" : records.sealed(cookie, key, "c");
    const before = tokens.last(sid);
    const send = (until: string): Promise<unknown> =>
      this.#parts.caller.change({
        script: "touch",
        key,
        since,
        args: (deadline, isRepeated) => [
          sealed,
          String(redisTime(expiresAt)),
          this.#absoluteTtl,
          deadline,
          // What was stored since is as new as this, and is not touched again.
          isRepeated ? before : "",
          until,
        ],
      });
    const reply = await send("");
    if (!Array.isArray(reply)) return reply === 1;
    const until = listedUntil(Number(reply[2]));
    await lists.add(String(reply[1]), key, until, since);
    return (await send(until)) === 1;
  }

  /**
   * @param user whose they must be, as sessions name it; null if anybody's
   * @returns how many live sessions were deleted
   */
  async destroyKeys(keys: readonly string[], user: string | null): Promise<number> {
    const deleted = await Promise.all(keys.map((key) => this.#destroyKey(key, user)));
    return deleted.reduce((sum, count) => sum + count, 0);
  }

  async #destroyKey(key: string, user: string | null, since?: number): Promise<number> {
    const { caller, lists } = this.#parts;
    // What was created after that is another session.
    const createdBefore = String(Math.floor(caller.serverNow(key) - MARGIN_MS));
    const script = this.marksDestroyed ? "destroyAndMark" : "destroy";
    const reply = await caller.change({
      script,
      key,
      since,
      args: (deadline, isRepeated) => [
        deadline,
        this.#absoluteTtl,
        user ?? "",
        isRepeated ? createdBefore : "",
      ],
    });
    if (reply === UNKNOWN) throw caller.unsure("the session has been made anew since");
    if (!Array.isArray(reply)) return Number(reply);
    lists.remove(String(reply[1]), key, String(reply[2]));
    return 1;
  }

  /**
   * Stores a session that comes from elsewhere, unless there is one, or it was destroyed.
   * @returns whether there was a live session before
   */
  async adopt(sid: string, session: StoredSession, wantedBy: number): Promise<number> {
    const { caller, names, records, tokens, lists } = this.#parts;
    const [found, endsAt, createdAt, user] = session;
    const expiresAt = redisTime(endsAt);
    const [json, cookie] = typeof found === "string" ? [found, null] : found;
    const key = names.session(sid);
    const owner = user === null ? "" : names.users(user)[0];
    const until = listedUntil(expiresAt);
    const token = tokens.tokenOf(String(tokens.next()));
    const first = [
      ...[records.sealed(json, key, "d"), cookie === null ? "" : records.sealed(cookie, key, "c")],
      ...[String(expiresAt), createdAt === null ? "" : String(createdAt), this.#absoluteTtl, token],
    ];
    const last = [owner, until, records.sealedId(sid, key)];
    if (owner !== "") await lists.add(owner, key, until);
    const reply = await caller.change({
      script: "adopt",
      key,
      wantedBy,
      args: (deadline) => [...first, deadline, ...last],
    });
    return Number(reply);
  }

  /** Takes the mark away from what was destroyed. */
  async unmark(key: string): Promise<void> {
    await this.#parts.caller.change({ script: "unmark", key, args: () => [] });
  }

  async #store(
    [sid, json, endsAt, mode = "put", user = null, createdAt]: Storing,
    since: number,
  ): Promise<number> {
    const { caller, names, records, tokens, lists } = this.#parts;
    const key = names.session(sid);
    const number = String(tokens.next());
    const before = tokens.last(sid) || NO_TOKEN;
    const expiresAt = redisTime(endsAt);
    const owner = user === null ? "" : names.users(user)[0];
    const until = listedUntil(expiresAt);
    const sealed = records.sealed(json, key, "d");
    // What is updated has its id.
    const sealedId = mode === "update" ? "" : records.sealedId(sid, key);
    const created = createdAt == null ? "" : String(createdAt);
    const send = (listed: string): Promise<unknown> =>
      caller.change({
        script: "store",
        key,
        since,
        args: (deadline, isRepeated) => {
          const last = isRepeated ? before : "";
          const args = [
            mode,
            sealed,
            String(expiresAt),
            this.#absoluteTtl,
            tokens.name,
            number,
            deadline,
            last,
          ];
          const more = [owner, listed, sealedId, created];
          if (created !== "") return [...args, ...more];
          if (sealedId !== "") return [...args, ...more.slice(0, 3)];
          return owner === "" ? args : [...args, ...more.slice(0, 2)];
        },
      });
    // An update is listed already, mostly.
    let reply = owner === "" || mode === "update" ? await send("") : UNLISTED;
    if (reply === UNLISTED) {
      await lists.add(owner, key, until, since);
      reply = await send(until);
    }
    if (reply === UNKNOWN)
      throw caller.unsure("another write came after it, or the session is gone");
    if (reply === REFUSED) {
      this.#refused++;
      return 0;
    }
    tokens.learn(sid, tokens.tokenOf(number));
    return Number(reply);
  }
}

/** Redis takes whole milliseconds. Files may have any number, which lite-nosql was given. */
function redisTime(time: number): number {
  return Math.min(Math.ceil(time), MAX_TIME);
}
