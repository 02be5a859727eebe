/**
 * Which session objects stand for stored sessions. A request that loaded a session, or stored it
 * before, may only update it: if it has been destroyed meanwhile, it stays so.
 */
import type { WriteMode } from "../protocol/contract.js";

/** Under which id an object was loaded or stored. */
interface Origin {
  readonly sid: string;
  /** The set that stores it for the first time, as long as that is under way. */
  creation: Promise<unknown> | null;
}

export class Provenance {
  /** What the store has found. express-session makes the sessions of requests from it. */
  readonly #found = new WeakSet<object>();
  readonly #origins = new WeakMap<object, readonly Origin[]>();

  /** For when a stored session has been found. */
  found(stored: object): void {
    this.#found.add(stored);
  }

  /** For when the session of a request has been made from what may have been found. */
  made(session: object, sid: string, from: object): void {
    if (this.#found.has(from)) this.#add(session, { sid, creation: null });
  }

  /**
   * Stores a session in the mode that is right for it. A plain object, which cannot save itself,
   * belongs to no request: the application may store it again after it was destroyed.
   */
  async store(
    session: object,
    sid: string,
    write: (mode: WriteMode) => Promise<unknown>,
  ): Promise<void> {
    const known = this.#origins.get(session)?.find((origin) => origin.sid === sid);
    if (known !== undefined) {
      const { creation } = known;
      await write("update");
      // An update of what could not be stored has failed, too.
      await creation;
      return;
    }
    const creation = write("put");
    const isOfRequest = "save" in session && typeof session.save === "function";
    if (!isOfRequest) {
      await creation;
      return;
    }
    const origin: Origin = { sid, creation };
    this.#add(session, origin);
    try {
      await creation;
      origin.creation = null;
    } catch (error) {
      this.#remove(session, origin);
      throw error;
    }
  }

  #add(session: object, origin: Origin): void {
    this.#origins.set(session, [...(this.#origins.get(session) ?? []), origin]);
  }

  #remove(session: object, origin: Origin): void {
    const others = this.#origins.get(session)?.filter((other) => other !== origin) ?? [];
    this.#origins.set(session, others);
  }
}
