/**
 * Owns the lock of a store that shares: whom it joins, whom it waits for and takes over, and when its
 * own heartbeat is needed.
 */
import { readFileSync, rmSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Files } from "../../../src/worker/ports/files.js";
import { nodeFiles } from "../../../src/worker/ports/node-files.js";
import type { Meeting, Reached } from "../../../src/worker/disk/lock/meeting.js";
import { Scene } from "../../support/lock-scene.js";

const ADDRESS = { socket: "sessions.0123abcd.sock", secret: "5e".repeat(32) };
const THEIRS = { socket: "sessions.ffffffff.sock", secret: "77".repeat(32) };

/** A meeting at which every owner is reached like this. */
class FakeMeeting implements Meeting {
  reached: Reached;
  tries = 0;
  leftovers = 0;
  silent = false;
  socket: string | null = ADDRESS.socket;
  lock: string | null = null;
  left = 0;

  constructor(reached: Reached = "absent") {
    this.reached = reached;
  }

  async address() {
    return this.socket === null ? null : { ...ADDRESS, socket: this.socket };
  }

  identify(lock: string): void {
    this.lock = lock;
  }

  leave(): void {
    this.left++;
  }

  async reach(): Promise<Reached> {
    this.tries++;
    return this.reached;
  }

  async hasLeftover(): Promise<boolean> {
    return this.leftovers-- > 0;
  }

  isSilent(): boolean {
    return this.silent;
  }
}

/** The owner of a lock that names a socket. */
const ALIVE = { isAlive: () => Promise.resolve(true) };

describe("a store that shares", () => {
  it("says in its lock where it can be reached", async () => {
    const scene = new Scene(new FakeMeeting());
    await scene.acquire();
    expect(scene.read()).toMatchObject(ADDRESS);
    expect(statSync(scene.path).mode & 0o777).toBe(0o600);
  });

  it("joins an owner that answers, however dead its lock looks", async () => {
    const scene = new Scene(new FakeMeeting("joined"));
    scene.put({ ...scene.record(60_000), ...THEIRS });
    const before = readFileSync(scene.path, "utf8");
    await expect(scene.join()).resolves.toBeNull();
    expect(readFileSync(scene.path, "utf8")).toBe(before);
  });

  it("takes over at once from an owner that is dead, and knows it", async () => {
    const scene = new Scene(new FakeMeeting("gone"));
    scene.put({ ...scene.record(0), ...THEIRS });
    const { lock, ms } = await scene.acquireInTime(1000);
    expect(ms).toBe(0);
    expect(lock.isProven).toBe(true);
  });

  it("is the successor of its own dead worker, unless another had the lock in between", async () => {
    const own = new Scene(new FakeMeeting("gone"));
    own.put({ ...own.record(0), ...THEIRS, owner: "a store" });
    expect((await own.acquire()).isOwn).toBe(true);

    const meeting = new FakeMeeting("gone");
    const scene = new Scene(meeting);
    scene.put({ ...scene.record(0), ...THEIRS, owner: "a store" });
    // Another takes it before this store makes its own, is closing when it is asked, and has gone then.
    let isFirst = true;
    meeting.address = async () => {
      if (isFirst) scene.put({ ...scene.record(0), ...THEIRS });
      isFirst = false;
      return ADDRESS;
    };
    const acquiring = scene.acquire(ALIVE);
    await scene.clock.advance(0);
    meeting.reached = "absent";
    await scene.clock.advance(100);
    rmSync(scene.path);
    expect((await scene.clock.advanceUntil(acquiring, 1000)).isOwn).toBe(false);
  });

  it("is no successor where another has come and gone while it took its own lock away", async () => {
    const scene = new Scene(new FakeMeeting("gone"));
    scene.put({ ...scene.record(0), ...THEIRS, owner: "a store" });
    let looks = 0;
    const files: Files = {
      ...nodeFiles,
      async link(existing, path) {
        // Another has taken away the lock of the dead worker, has had its own, and has released it.
        if (path.endsWith(".takeover") && looks++ === 0) rmSync(scene.path);
        await nodeFiles.link(existing, path);
      },
    };
    expect((await scene.acquire({}, "a store", files)).isOwn).toBe(false);
    expect(looks).toBe(1);
  });

  it("believes the kernel that nobody has the socket, of another container too", async () => {
    const scene = new Scene(new FakeMeeting("gone"));
    scene.put({ ...scene.record(0, { host: "there", space: "a boot, another" }), ...THEIRS });
    const { lock, ms } = await scene.acquireInTime(1000, { space: "a boot, a namespace" });
    expect(ms).toBe(0);
    expect(lock.isProven).toBe(true);
  });

  it.each<Reached>(["silent", "absent"])(
    "watches one that is %s and lives, then takes over without proof",
    async (reached) => {
      const scene = new Scene(new FakeMeeting(reached));
      scene.put({ ...scene.record(0), ...THEIRS });
      const { lock, ms } = await scene.acquireInTime(20_000, ALIVE);
      expect(ms).toBeGreaterThanOrEqual(10_000);
      expect(ms).toBeLessThan(12_000);
      expect(lock.isProven).toBe(false);
    },
  );

  it("does not watch one of which it knows that it has been silent", async () => {
    const meeting = new FakeMeeting("silent");
    meeting.silent = true;
    // Its socket takes connections as long as the process is there.
    meeting.leftovers = Infinity;
    const scene = new Scene(meeting);
    scene.put({ ...scene.record(11_000), ...THEIRS });
    const { lock, ms } = await scene.acquireInTime(1000, ALIVE);
    expect(ms).toBe(0);
    expect(lock.isProven).toBe(false);
  });

  it("never takes over from one that answers and does not want it", async () => {
    const scene = new Scene(new FakeMeeting("alive"));
    scene.put({ ...scene.record(60_000), ...THEIRS });
    await expect(scene.acquireInTime(60_000)).rejects.toMatchObject({ code: "STORE_LOCKED" });
    expect(scene.read()).toMatchObject(THEIRS);
  });

  it("joins one that comes into reach while it is watched", async () => {
    const meeting = new FakeMeeting("absent");
    const scene = new Scene(meeting);
    scene.put({ ...scene.record(0), ...THEIRS });
    const joining = scene.join(ALIVE);
    await scene.clock.advance(5000);
    meeting.reached = "joined";
    await expect(scene.clock.advanceUntil(joining)).resolves.toBeNull();
  });

  it("tells no lie about an owner that does not share", async () => {
    const scene = new Scene(new FakeMeeting());
    scene.put(scene.record(0));
    await expect(scene.acquire(ALIVE)).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await expect(scene.acquire(ALIVE)).rejects.toThrow("share: false");
  });

  it("waits for an owner that has lost its lock and does not know yet, and proves nothing", async () => {
    const meeting = new FakeMeeting();
    meeting.leftovers = 4;
    const scene = new Scene(meeting);
    const { lock, ms } = await scene.acquireInTime(5000);
    expect(ms).toBe(100);
    expect(lock.isProven).toBe(false);
  });

  it("takes nobody for one who only comes too late for a lock, like itself", async () => {
    const meeting = new FakeMeeting();
    const scene = new Scene(meeting);
    let isLate = false;
    // Another takes the lock before these two make theirs, and has gone when they look at it.
    meeting.address = async () => {
      if (!isLate) scene.put(scene.record(0));
      return ADDRESS;
    };
    // At first nobody is there; later a second one, which does as this one does.
    let looks = 0;
    meeting.hasLeftover = async () => {
      isLate = looks++ > 0;
      return isLate && meeting.left === 0;
    };
    const files: Files = {
      ...nodeFiles,
      async link(...args) {
        const linking = nodeFiles.link(...args);
        await linking.finally(() => {
          if (!isLate) rmSync(scene.path);
        });
      },
    };
    await scene.acquire({}, "a store", files);
    expect(isLate).toBe(true);
  });

  it("does not wait for that for ever", async () => {
    const meeting = new FakeMeeting();
    meeting.leftovers = Infinity;
    const { ms } = await new Scene(meeting).acquireInTime(20_000);
    expect(ms).toBeLessThan(11_000);
  });
});

describe("the heartbeat of a store that shares", () => {
  it("is not written while it has nothing to do, and its lease ends", async () => {
    const scene = new Scene(new FakeMeeting());
    const lock = await scene.acquire();
    await scene.clock.advance(3000);
    const before = readFileSync(scene.path, "utf8");
    await scene.clock.advance(60_000);
    expect(readFileSync(scene.path, "utf8")).toBe(before);
    expect(lock.mayAnswer()).toBe(false);
    expect(scene.lost).toEqual([]);
  });

  it("is written again with the first call", async () => {
    const scene = new Scene(new FakeMeeting());
    const lock = await scene.acquire();
    await scene.clock.advance(60_000);
    await lock.renew();
    expect(scene.read().ts).toBe(scene.clock.now());
    expect(lock.mayAnswer()).toBe(true);
    lock.use();
    await scene.clock.advance(2500);
    expect(scene.read().ts).toBe(scene.clock.now());
  });

  it("goes on without a socket, or where nobody can see whether it lives", async () => {
    const deaf = new FakeMeeting();
    deaf.socket = null;
    for (const [meeting, processes] of [
      [deaf, {}],
      [new FakeMeeting(), { space: null }],
    ] as const) {
      const scene = new Scene(meeting);
      await scene.acquire(processes);
      await scene.clock.advance(10_000);
      expect(scene.read().ts).toBe(scene.clock.now());
    }
  });

  it("says it when the socket has another name", async () => {
    const meeting = new FakeMeeting();
    const scene = new Scene(meeting);
    await scene.acquire();
    await scene.clock.advance(10_000);
    meeting.socket = "sessions.89abcdef.sock";
    await scene.clock.advance(2500);
    expect(scene.read()).toMatchObject({ socket: "sessions.89abcdef.sock" });
  });

  it("finds out while it is not written that the lock is lost; so does a call", async () => {
    const scene = new Scene(new FakeMeeting());
    const lock = await scene.acquire();
    await scene.clock.advance(30_000);
    rmSync(scene.path);
    await expect(lock.renew()).rejects.toMatchObject({ code: "STORE_LOCKED" });
    expect(scene.lost).not.toEqual([]);

    const other = new Scene(new FakeMeeting());
    await other.acquire();
    rmSync(other.path);
    await other.clock.advance(2500);
    expect(other.lost).not.toEqual([]);
  });
});
