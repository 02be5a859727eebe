/**
 * Owns what was promised: each write and touch with the moments at which it was made and was
 * acknowledged, and from that what a session may be after a crash at any moment. Knows no engine.
 */

/** A session as it must come back, or null for none. */
export type Session = { readonly json: string; readonly expiresAt: number } | null;

/** A write or touch that is on its way, until it is settled. */
export interface Entry {
  acknowledge(): void;
  /** It failed, and what was before it is there again. */
  fail(): void;
}

interface WriteEvent {
  readonly session: Session;
  readonly madeAt: number;
  settledAt: number;
  failed: boolean;
}

interface TouchEvent {
  /** The write that it shares the fate of: of what there was before it there is no such touch. */
  readonly of: WriteEvent | null;
  readonly cookie: string | null;
  readonly expiresAt: number;
  readonly madeAt: number;
  readonly time: number;
}

type Event = WriteEvent | TouchEvent;

/** A touch that is older than this is on the disk. */
const TOUCH_MS = 1000;

export class Ledger {
  /** Counts moments: what happens after it is raised cannot have been seen before. */
  moment = 0;
  /** What each session may have been at the beginning. */
  readonly #beginning: ReadonlyMap<string, readonly Session[]>;
  readonly #events = new Map<string, Event[]>();
  /** Whether what is acknowledged is on the disk; otherwise only the beginning is. */
  readonly #durable: boolean;

  constructor(beginning: ReadonlyMap<string, readonly Session[]> = new Map(), durable = true) {
    this.#beginning = beginning;
    this.#durable = durable;
  }

  /**
   * Notes a write that is being made. One that changes nothing behind the cookie is a touch, but that
   * it fails with the write on which it follows.
   */
  write(sid: string, session: Session, time: number): Entry {
    const cookie = newCookie(this.current(sid), session, time);
    if (cookie !== null) {
      const last = this.#writes(sid).at(-1);
      const of = last?.settledAt === Infinity ? last : null;
      return this.#touch(sid, { of, cookie, expiresAt: session!.expiresAt, time });
    }
    const event: WriteEvent = { session, madeAt: this.moment, settledAt: Infinity, failed: false };
    this.#of(sid).push(event);
    return {
      acknowledge: () => {
        event.settledAt = this.moment;
      },
      fail: () => {
        event.settledAt = this.moment;
        event.failed = true;
      },
    };
  }

  /** Notes a touch of a live session. `cookie` is JSON text, or null where it keeps the one it has. */
  touch(sid: string, cookie: string | null, expiresAt: number, time: number): Entry {
    return this.#touch(sid, { of: null, cookie, expiresAt, time });
  }

  #touch(sid: string, touch: Omit<TouchEvent, "madeAt">): Entry {
    const event: TouchEvent = { ...touch, madeAt: this.moment };
    const events = this.#of(sid);
    events.push(event);
    return {
      acknowledge: () => undefined,
      fail: () => {
        events.splice(events.indexOf(event), 1);
      },
    };
  }

  /** What there may be after a crash at this moment and time, as the beginning of what follows. */
  after(moment: number, time: number): Ledger {
    const sids = [...this.sids()];
    return new Ledger(new Map(sids.map((sid) => [sid, this.possible(sid, moment, time)])));
  }

  /** What calls find now, as the beginning of what follows. */
  settled(): Ledger {
    return new Ledger(new Map([...this.sids()].map((sid) => [sid, [this.current(sid)]])));
  }

  /** All ids that were ever spoken of. */
  sids(): Set<string> {
    return new Set([...this.#beginning.keys(), ...this.#events.keys()]);
  }

  /** What a call finds now. */
  current(sid: string): Session {
    const events = this.#of(sid).filter((event) => !("session" in event && event.failed));
    const last = this.#writes(sid).at(-1) ?? null;
    const start = last === null ? (this.#startsOf(sid)[0] ?? null) : last.session;
    const later = last === null ? events : events.slice(events.indexOf(last) + 1);
    return touches(later, last).reduce(touched, start);
  }

  /**
   * What may be found after a crash at this moment and time. Of several writes that were not
   * acknowledged any may have been the last that made it; touches may lack the newest.
   */
  possible(sid: string, moment: number, time: number): Session[] {
    const events = this.#of(sid).filter(({ madeAt }) => madeAt <= moment);
    const acknowledged = events.findLastIndex(
      (event) => this.#durable && "session" in event && !event.failed && event.settledAt <= moment,
    );
    const found: Session[] = [];
    const add = (start: Session, write: WriteEvent | null, later: readonly Event[]): void => {
      const following = touches(later, write);
      const due =
        following.findLastIndex((touch) => this.#durable && touch.time < time - TOUCH_MS) + 1;
      for (let made = due; made <= following.length; made++) {
        found.push(following.slice(0, made).reduce(touched, start));
      }
    };
    if (acknowledged === -1) for (const start of this.#startsOf(sid)) add(start, null, events);
    events.forEach((event, index) => {
      if ("session" in event && index >= acknowledged) {
        add(event.session, event, events.slice(index + 1));
      }
    });
    return found;
  }

  #startsOf(sid: string): readonly Session[] {
    return this.#beginning.get(sid) ?? [null];
  }

  /** The writes that have not failed. */
  #writes(sid: string): WriteEvent[] {
    return this.#of(sid).filter(
      (event): event is WriteEvent => "session" in event && !event.failed,
    );
  }

  #of(sid: string): Event[] {
    const events = this.#events.get(sid) ?? [];
    this.#events.set(sid, events);
    return events;
  }
}

/** The touches of what a write made; null for what was there at the beginning. */
function touches(events: readonly Event[], write: WriteEvent | null): TouchEvent[] {
  return events.filter(
    (event): event is TouchEvent =>
      !("session" in event) && (event.of === null || event.of === write),
  );
}

const COOKIE_FIRST = '{"cookie":{';

/** The cookie of a session, as JSON text, if a live one is stored again as it is but for that. */
function newCookie(before: Session, session: Session, time: number): string | null {
  if (before === null || session === null || before.expiresAt <= time) return null;
  if (!before.json.startsWith(COOKIE_FIRST) || !session.json.startsWith(COOKIE_FIRST)) return null;
  const { cookie } = JSON.parse(session.json) as { cookie: object };
  const text = JSON.stringify(cookie);
  return withCookie(before.json, text) === session.json ? text : null;
}

function touched(session: Session, { cookie, expiresAt }: TouchEvent): Session {
  if (session === null) return null;
  return { json: cookie === null ? session.json : withCookie(session.json, cookie), expiresAt };
}

/** JSON text of a session with this cookie. */
export function withCookie(json: string, cookie: string): string {
  return JSON.stringify({
    ...(JSON.parse(json) as object),
    cookie: JSON.parse(cookie) as unknown,
  });
}
