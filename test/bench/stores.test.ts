/** A store that answers wrongly yields no figure. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import session, { type SessionData, Store } from "express-session";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { measureAlone } from "../../bench/cell/alone.js";
import type { Contender } from "../../bench/stores/index.js";

const CALLS = {
  script: "",
  contender: "",
  sessions: 20,
  inFlight: 4,
  sets: 50,
  warm: 10,
  seconds: 0.02,
};

type Callback = (error?: unknown, found?: SessionData | null) => void;

/** A right store over a map, whose parts a test replaces by wrong ones. */
class MapStore extends Store {
  constructor(protected readonly texts: Map<string, string>) {
    super();
  }

  override get(sid: string, callback: Callback): void {
    const text = this.texts.get(sid);
    setImmediate(callback, null, text === undefined ? null : (JSON.parse(text) as SessionData));
  }

  override set(sid: string, body: SessionData, callback?: Callback): void {
    this.texts.set(sid, JSON.stringify(body));
    setImmediate(() => callback?.());
  }

  override touch(_sid: string, _body: SessionData, callback?: () => void): void {
    setImmediate(() => callback?.());
  }

  override destroy(sid: string, callback?: Callback): void {
    this.texts.delete(sid);
    setImmediate(() => callback?.());
  }
}

function contenderOf(
  Class: typeof MapStore,
  { forgets = false, closed = vi.fn() } = {},
): Contender {
  const texts = new Map<string, string>();
  return {
    label: "of the test",
    guarantee: "process",
    open: () => {
      if (forgets) texts.clear();
      return Promise.resolve({ store: new Class(texts), close: closed });
    },
  };
}

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "bench-stores-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  vi.unstubAllEnvs();
});

const measure = (contender: Contender, more = {}): ReturnType<typeof measureAlone> =>
  measureAlone({ ...CALLS, directory, ...more }, contender);

const WRONG: Record<string, typeof MapStore> = {
  "finds what was never stored": class extends MapStore {
    override get(sid: string, callback: Callback): void {
      if (this.texts.has(sid)) super.get(sid, callback);
      else setImmediate(callback, null, { cookie: new session.Cookie() });
    }
  },
  "stores nothing": class extends MapStore {
    override set(_sid: string, _body: SessionData, callback?: Callback): void {
      setImmediate(() => callback?.());
    }
  },
  "keeps the first value": class extends MapStore {
    override set(sid: string, body: SessionData, callback?: Callback): void {
      super.set(
        sid,
        this.texts.has(sid) ? (JSON.parse(this.texts.get(sid)!) as SessionData) : body,
        callback,
      );
    }
  },
  "loses a field": class extends MapStore {
    override set(sid: string, body: SessionData, callback?: Callback): void {
      super.set(sid, { ...body, views: undefined } as SessionData, callback);
    }
  },
  "changes the expiry": class extends MapStore {
    override set(sid: string, body: SessionData, callback?: Callback): void {
      super.set(
        sid,
        { ...body, cookie: Object.assign(new session.Cookie(), { maxAge: 1000 }) },
        callback,
      );
    }
  },
  "loses a touched session": class extends MapStore {
    override touch(sid: string, _body: SessionData, callback?: () => void): void {
      super.destroy(sid, () => callback?.());
    }
  },
  "keeps a destroyed session": class extends MapStore {
    override destroy(_sid: string, callback?: Callback): void {
      setImmediate(() => callback?.());
    }
  },
  "answers a set with an error": class extends MapStore {
    override set(_sid: string, _body: SessionData, callback?: Callback): void {
      setImmediate(() => callback?.(new Error("no space")));
    }
  },
  "loses sessions while it is measured": class extends MapStore {
    #sets = 0;

    override set(sid: string, body: SessionData, callback?: Callback): void {
      if (++this.#sets > CALLS.sessions + 3) this.texts.delete(sid);
      else super.set(sid, body);
      setImmediate(() => callback?.());
    }
  },
};

describe("a store of the benchmark", () => {
  it("is measured if it answers rightly, and then closed", async () => {
    const closed = vi.fn();
    const figures = await measure(contenderOf(MapStore, { closed }));
    expect(figures.callsPerSecond).toBeGreaterThan(0);
    // Once for the check that it is found again when it is opened again.
    expect(closed).toHaveBeenCalledTimes(2);
  });

  it("is warm before it is measured", async () => {
    const get = vi.spyOn(MapStore.prototype, "get");
    const cpuUsage = vi.spyOn(process, "cpuUsage");
    let warm = 0;
    cpuUsage.mockImplementationOnce(() => {
      warm = get.mock.calls.length;
      return { user: 0, system: 0 };
    });
    await measure(contenderOf(MapStore), { sets: 0, warm: 500, seconds: 0 });
    expect(warm).toBeGreaterThanOrEqual(500);
    get.mockRestore();
    cpuUsage.mockRestore();
  });

  it.each(Object.entries(WRONG))("yields no figure if it %s", async (_, Class) => {
    await expect(measure(contenderOf(Class))).rejects.toThrow();
  });

  it("is given a session that has changed with each set", async () => {
    class Sparing extends MapStore {
      override set(sid: string, body: SessionData, callback?: Callback): void {
        if (this.texts.get(sid) === JSON.stringify(body)) callback?.(new Error("unchanged"));
        else super.set(sid, body, callback);
      }
    }
    await expect(measure(contenderOf(Sparing))).resolves.toBeDefined();
  });

  it("yields no figure if it forgets when it is closed", async () => {
    await expect(measure(contenderOf(MapStore, { forgets: true }))).rejects.toThrow("not found");
  });

  it("yields no figure if it says that a write is on the disk before a slow disk can be", async () => {
    const file = join(directory, "slow-disk");
    writeFileSync(file, new Uint32Array(1));
    vi.stubEnv("SLOW_DISK_FILE", file);
    const contender: Contender = { ...contenderOf(MapStore), guarantee: "disk" };
    await expect(measure(contender, { slow: true })).rejects.toThrow("did not wait for its fsync");
  });
});
