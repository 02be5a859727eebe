/**
 * Owns a disk that is really full: a small tmpfs, the built store in its worker, and a file that
 * takes the rest of the room and is then deleted. Needs Linux and the right to mount.
 */
import { execFileSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

import type { SessionData } from "express-session";
import LiteNoSQLStore, { type StoreOptions } from "express-session-isolate";
import { expect, it, onTestFinished } from "vitest";

import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const MEBIBYTE = 1024 * 1024;
const DISK_BYTES = MEBIBYTE;
const TEXT = "x".repeat(4000);

/** A session without a cookie is an ordinary one. */
const session = (data: object): SessionData => data as unknown as SessionData;

/** A small disk, or why there is none. */
function smallDisk(bytes: number): { directory: string } | { reason: string } {
  if (process.platform !== "linux") return { reason: `no tmpfs on ${process.platform}` };
  const directory = tempDirectory();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", directory], {
      stdio: "pipe",
    });
  } catch (error) {
    return { reason: `cannot mount a tmpfs: ${String(error)}` };
  }
  onTestFinished(() => {
    execFileSync("umount", ["--lazy", directory]);
  });
  return { directory };
}

it.for<[string, Partial<StoreOptions>]>([
  ["in a worker", {}],
  ["in a worker, encrypted", { encryptionKey: "a password of some length" }],
  ["on the calling thread", { isolate: false }],
])(
  "a full disk, %s: writes fail with a code, reads go on, and so does the store",
  async ([, given], { skip }) => {
    const disk = smallDisk(DISK_BYTES);
    if ("reason" in disk) {
      console.warn(`not tested on a full disk: ${disk.reason}`);
      return skip(disk.reason);
    }
    const options = { directory: join(disk.directory, "sessions"), walLimit: 50_000, ...given };
    let store = new LiteNoSQLStore(options);
    onTestFinished(() => store.close());
    store.on("error", (error: Error) => {
      expect(error).toMatchObject({ name: "StoreError", code: "STORE_IO" });
    });
    await store.set("before", session({ text: "kept" }));

    const ballast = join(disk.directory, "ballast");
    writeFileSync(ballast, Buffer.alloc(DISK_BYTES / 2));
    const acknowledged: string[] = [];
    const failures: unknown[] = [];
    for (let n = 0; failures.length < 20; n++) {
      await store.set(`sid-${n}`, session({ n, text: TEXT })).then(
        () => acknowledged.push(`sid-${n}`),
        (error: unknown) => failures.push(error),
      );
      expect(await store.get("before")).toEqual({ text: "kept" });
    }
    for (const failure of failures) {
      expect(failure).toMatchObject({ name: "StoreError", code: "STORE_IO" });
    }
    expect(acknowledged.length).toBeGreaterThan(10);
    expect(await store.touch("before", session({ cookie: { originalMaxAge: null } }))).toBe("OK");
    const expected = [...acknowledged, "before"].sort();
    expect((await store.ids()).sort()).toEqual(expected);
    expect(await store.length()).toBe(expected.length);

    rmSync(ballast);
    // A write that fills the disk for good may have cost the journal its trust: it is replaced soon.
    await until(
      () =>
        store.set("after", session({ n: 0 })).then(
          () => true,
          () => false,
        ),
      10_000,
    );
    expect(await store.destroy("sid-0")).toBe(1);
    await store.compact();
    await store.close();

    store = new LiteNoSQLStore(options);
    const found = (await store.ids()).sort();
    expect(found).toEqual([...expected, "after"].filter((sid) => sid !== "sid-0").sort());
    expect(await store.get("sid-1")).toEqual({ n: 1, text: TEXT });
    expect((await store.stats()).quarantined).toBe(0);
  },
);

it.for<[string, Partial<StoreOptions>]>([
  ["plain", {}],
  ["encrypted", { encryptionKey: "a password of some length" }],
])(
  "a small disk, %s: sessions are rewritten for ever, and no write fails",
  { timeout: 120_000 },
  async ([, given], { skip }) => {
    const disk = smallDisk(40 * MEBIBYTE);
    if ("reason" in disk) {
      console.warn(`not tested on a small disk: ${disk.reason}`);
      return skip(disk.reason);
    }
    const directory = join(disk.directory, "sessions");
    const store = new LiteNoSQLStore({ directory, ...given });
    onTestFinished(() => store.close());
    const events: unknown[] = [];
    store.on("error", (error: unknown) => events.push(error));
    const sessions = 1650;
    let made = 0;
    const client = async (): Promise<void> => {
      while (made < 20 * sessions) {
        const n = made++;
        await store.set(`sid-${n % sessions}`, session({ n, text: TEXT }));
      }
    };
    await Promise.all(Array.from({ length: 64 }, client));
    expect(events).toEqual([]);
    expect(await store.length()).toBe(sessions);
    // A compaction that is still under way has its files there, too.
    await until(() => {
      const { bavail, bsize } = statfsSync(disk.directory);
      return bavail * bsize > 10 * MEBIBYTE;
    });
  },
);
