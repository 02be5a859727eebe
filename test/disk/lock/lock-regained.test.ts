/** Owns the lock that its owner takes anew when it was deleted together with the journal. */
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Lock } from "../../../src/worker/disk/lock/lock.js";
import { Scene } from "../../support/lock-scene.js";
import { until } from "../../support/until.js";
import { on, WatchedFiles } from "../../support/watched-files.js";

/** An owner whose lock has just been deleted. There is no journal either. */
async function deleted() {
  const scene = new Scene();
  const watched = new WatchedFiles();
  const lock = await scene.acquire({}, "a store", watched.files);
  lock.keeps(() => false);
  rmSync(scene.path);
  return { scene, watched, lock };
}

/** A look at a lock that was deleted, which stands still at the journal until it is to go on. */
async function slowLook(
  watched: WatchedFiles,
  lock: Lock,
): Promise<{ slow: Promise<void>; goOn: () => void }> {
  let looks = 0;
  const isFirst = on("identity", ".wal.log");
  const held = watched.hold((operation) => isFirst(operation) && looks++ === 0);
  const slow = lock.assertHeld();
  await until(() => held.waiting > 0);
  return {
    slow,
    goOn: () => {
      held.release();
    },
  };
}

it.each([
  ["has not", false],
  ["has", true],
])(
  "counts for a slower look as well, when the journal %s been written anew",
  async (_, isWritten) => {
    const { scene, watched, lock } = await deleted();
    const { slow, goOn } = await slowLook(watched, lock);
    await lock.assertHeld();
    if (isWritten) writeFileSync(join(scene.directory, "sessions.wal.log"), "");
    goOn();
    await slow;
    await lock.assertNamed();
    await scene.clock.advance(10_000);
    expect(scene.lost).toEqual([]);
    expect(scene.read().ts).toBe(scene.clock.now());
  },
);

it("is not left half taken when the disk fails meanwhile", async () => {
  const { scene, watched, lock } = await deleted();
  let looks = 0;
  const isSecond = on("identity", ".wal.log");
  const recover = watched.fail((operation) => isSecond(operation) && ++looks === 2, "EIO");
  await expect(lock.assertHeld()).rejects.toMatchObject({ code: "STORE_IO" });
  recover();
  expect(readdirSync(scene.directory)).toEqual([]);
  await scene.clock.advance(10_000);
  expect(scene.lost).toEqual([]);
  expect(scene.read().ts).toBe(scene.clock.now());
});

it.each<["link" | "open", string]>([
  ["link", "before it has its name"],
  ["open", "before it is open"],
])("is taken again when it is deleted again, %s: %s", async (kind) => {
  const { scene, watched, lock } = await deleted();
  let isOver = false;
  watched.onOperation = (operation) => {
    if (isOver || !on(kind, "sessions.lock")(operation)) return;
    // The one that is there, or its temporary file.
    const names = readdirSync(scene.directory);
    isOver = names.length > 0;
    for (const name of names) rmSync(join(scene.directory, name));
  };
  await expect(lock.assertHeld()).rejects.toMatchObject({ code: "STORE_IO" });
  await lock.assertHeld();
  expect(scene.lost).toEqual([]);
  await scene.clock.advance(10_000);
  expect(scene.read().ts).toBe(scene.clock.now());
});

it("is not taken by a look that ends after it has been released", async () => {
  const { scene, watched, lock } = await deleted();
  const { slow, goOn } = await slowLook(watched, lock);
  await lock.release();
  goOn();
  await expect(slow).rejects.toMatchObject({ code: "STORE_LOCKED" });
  expect(readdirSync(scene.directory)).toEqual([]);
});
