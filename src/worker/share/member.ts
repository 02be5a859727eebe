/**
 * A store among those that share a collection: its owner, or a guest of that, or in search of one. It
 * keeps the calls that have not been answered, whoever is to answer them.
 */
import type { DiskEngineConfig } from "../../protocol/config.js";
import type { Engine, EngineListener, EngineStats } from "../../protocol/contract.js";
import { debugLog } from "../../protocol/debug-log.js";
import { engineFrom } from "../../protocol/dispatch.js";
import { storeClosed } from "../../protocol/errors.js";
import { decodeError } from "../../protocol/wire-error.js";
import { type Environment, openOwned, type Owned } from "../disk/engine.js";
import { keepAliveDuring } from "../ports/keep-alive.js";
import type { Sockets } from "../ports/sockets.js";
import { type Call, Calls } from "./calls.js";
import { Changes } from "./changes.js";
import { sharedKeys } from "./handshake.js";
import { MeetingPlace } from "./meeting-place.js";
import type { AnswerMessage } from "./messages.js";
import { OwnerRole } from "./owner-role.js";
import { Repeats } from "./repeats.js";
import { GuestRole, NONE, type Role } from "./roles.js";
import { Search } from "./search.js";
import { needsOf, ownersOptions } from "./settings.js";

interface MemberParts {
  readonly config: DiskEngineConfig;
  readonly listener: EngineListener;
  readonly environment: Environment;
  readonly sockets: Sockets;
}

export interface Opened {
  readonly engine: Engine;
  /** Whether nobody but this store can have changed anything since its last engine died. */
  readonly isSuccessor: boolean;
}

export class Member {
  readonly #parts: MemberParts;
  readonly #log: (text: string) => void;
  readonly #calls: Calls;
  readonly #repeats: Repeats;
  readonly #place: MeetingPlace;
  readonly #search: Search;
  #role: Role = NONE;
  #elections = 0;
  #watchExpired: boolean;
  #closing: Promise<void> | null = null;
  #isClosed = false;
  /** Settles what this store was doing when it lost the collection. */
  #settling: Promise<void> | null = null;
  /** Of its role, or of the calls that wait. */
  readonly #changes = new Changes();

  private constructor(parts: MemberParts) {
    const { config, environment, sockets } = parts;
    this.#parts = parts;
    this.#log = debugLog(config);
    this.#calls = new Calls(environment.clock);
    this.#repeats = new Repeats(environment.clock, config.repeats ?? 0);
    this.#search = new Search({
      calls: this.#calls,
      clock: environment.clock,
      maxPendingMs: config.maxPendingMs,
      elect: () => this.#elect(),
      isOver: () => this.#role.name !== "none" || this.#isClosed,
      onFailure: parts.listener.onError,
      onExpired: () => {
        this.#changes.tell();
      },
    });
    this.#watchExpired = config.watchExpired ?? false;
    this.#place = new MeetingPlace({
      ...environment,
      sockets,
      ...config.disk,
      needs: needsOf(config),
      options: ownersOptions(config),
      keys: sharedKeys(config.encryptionKeys),
      log: this.#log,
      report: parts.listener.onError,
      onAnswer: (message) => {
        this.#answered(message);
      },
      onOpen: (link) => {
        this.#become(new GuestRole(link, this.#calls));
      },
      onEnd: () => {
        this.#left();
      },
      isWaiting: () => this.#calls.size > 0 || this.#isJoining(),
      isClosed: () => this.#isClosed,
    });
  }

  /** Opens the collection, or joins the store that has it open. @throws StoreError */
  static async open(parts: MemberParts): Promise<Opened> {
    const member = new Member(parts);
    // An owner that has been joined may still be opening the files: the link to it keeps nobody alive.
    while (member.#role.name === "none") await keepAliveDuring(member.#elect());
    const role = member.#role;
    const isSuccessor = role.name === "owner" && role.owned.lock.isOwn;
    if (!isSuccessor) member.#repeats.cancel();
    const engine = engineFrom((method, args) =>
      method === "close"
        ? (member.#closing ??= keepAliveDuring(member.#close()))
        : member.#repeats.make(method, args, (...made) => member.#make(method, ...made)),
    );
    return { engine, isSuccessor };
  }

  #make(method: keyof Engine, args: readonly unknown[], isRepeat: boolean): Promise<unknown> {
    if (this.#closing !== null) return Promise.reject(storeClosed());
    if (method === "watchExpired") {
      this.#watchExpired = true;
      // Only the owner tells of them: as soon as this store is one.
      if (this.#role.name !== "owner") return Promise.resolve();
    }
    const { call, answer } = this.#calls.make(method, args, isRepeat);
    this.#dispatch(call);
    return this.#completed(method, answer);
  }

  #dispatch(call: Call): void {
    const role = this.#role;
    if (role.name !== "owner" || call.sentAt !== null) this.#calls.add(call);
    if (role.name !== "none") role.make(call);
  }

  #answered([id, outcome]: AnswerMessage): void {
    const decoded = "error" in outcome ? { error: decodeError(outcome.error) } : outcome;
    const next = this.#calls.answer(id, decoded);
    if (this.#role.name === "guest") this.#role.answered(id, next);
    this.#changes.tell();
  }

  #become(role: Role): void {
    this.#role = role;
    this.#log(
      role.name === "guest" ? "is a guest of the process that has it open" : "is the owner",
    );
    this.#calls.failUnrepeatable();
    for (const call of this.#calls.inOrder()) this.#dispatch(call);
    this.#changes.tell();
  }

  /** The owner is gone. */
  #left(): void {
    this.#changes.tell();
    if (this.#role.name !== "guest") return;
    this.#log("the process that had it open is gone");
    this.#role = NONE;
    this.#search.start();
  }

  /** This store is no longer the owner. */
  async #lost(owned: Owned | null): Promise<void> {
    const role = this.#role;
    // It may be told late of a lock that it had before.
    if (role.name === "owner" && role.owned !== owned) return;
    this.#place.leave();
    this.#repeats.letOthers();
    if (role.name !== "owner") return;
    this.#log("another process has taken it over");
    this.#role = NONE;
    await (this.#settling = role.abandon());
    this.#search.start();
  }

  /** Takes the lock, or joins who has it. Done when this store has a role, or has lost it again. */
  async #elect(): Promise<void> {
    this.#elections++;
    const { config, listener, environment } = this.#parts;
    let owned: Owned | null = null;
    const state = { isLost: false };
    try {
      const now = { ...config, watchExpired: this.#watchExpired };
      const onLost = (): void => {
        state.isLost = true;
        void this.#lost(owned);
      };
      owned = await openOwned(now, listener, environment, this.#place.sharing(onLost));
    } catch (error) {
      this.#place.leave();
      throw error;
    }
    if (owned === null) {
      // It may fail to open the collection, and be gone before.
      while (this.#isJoining()) await this.#changes.next();
    } else if (state.isLost || this.#isClosed) {
      this.#place.leave();
      await owned.engine.close().catch(() => undefined);
    } else this.#own(owned);
  }

  /** Whether it waits for the owner that it has joined to open the collection. */
  #isJoining(): boolean {
    return this.#role.name === "none" && this.#place.link !== null && !this.#isClosed;
  }

  #own(owned: Owned): void {
    const isLost = (): boolean => this.#role.name !== "owner";
    const role = new OwnerRole(owned, this.#calls, this.#place.guest, isLost);
    this.#become(role);
    const { reception } = this.#place;
    this.#repeats.before(() =>
      reception?.serve(
        (method, ...rest) => this.#completed(method, role.gate.dispatch(method, ...rest)),
        owned.limit,
      ),
    );
  }

  /** To `stats`, the answer says what this store is among the others. */
  #completed(method: keyof Engine, answer: Promise<unknown>): Promise<unknown> {
    if (method !== "stats") return answer;
    return answer.then((value) => {
      const stats = value as EngineStats;
      const part = this.#place.partIn(this.#role.name === "owner", stats.sharing?.guests ?? 0);
      return { ...stats, sharing: { ...part, elections: this.#elections } };
    });
  }

  async #close(): Promise<void> {
    for (;;) {
      // Not all of it may wait for an answer yet.
      await this.#settling;
      const role = this.#role;
      if (role.name === "owner") {
        const failure = await role.close(this.#place.reception);
        if (this.#calls.size === 0) {
          this.#isClosed = true;
          if (failure !== null) throw failure;
          return;
        }
      } else if (this.#calls.size === 0) {
        this.#isClosed = true;
        this.#place.part();
        this.#changes.tell();
        await this.#search.ended();
        // A search that was under way may have found an owner.
        this.#place.part();
        this.#place.leave();
        return;
      } else await this.#changes.next();
    }
  }
}
