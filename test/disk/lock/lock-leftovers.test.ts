/** Owns what a contender for a lock leaves when it is killed or its disk fails, and who removes it. */
import { readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Files } from "../../../src/worker/ports/files.js";
import { nodeFiles } from "../../../src/worker/ports/node-files.js";
import { Scene } from "../../support/lock-scene.js";

const NAME = "0123456789abcdef";

it("the next owner removes what killed contenders left, and nothing else", async () => {
  const scene = new Scene();
  const others = [`carts.lock.${NAME}.tmp`, "sessions.lock.notes.tmp", `sessions.lock.${NAME}.txt`];
  for (const name of [`sessions.lock.${NAME}.tmp`, `sessions.lock.${NAME}.stale`, ...others]) {
    writeFileSync(join(scene.directory, name), "");
  }
  await scene.acquire();
  expect(readdirSync(scene.directory).sort()).toEqual([...others, "sessions.lock"].sort());
});

it("a contender whose file was removed as a leftover makes it again", async () => {
  const scene = new Scene();
  let removed = 0;
  const files: Files = {
    ...nodeFiles,
    link: async (existing, path) => {
      if (removed++ < 2) await nodeFiles.remove(existing);
      return nodeFiles.link(existing, path);
    },
  };
  await scene.acquire({}, "a store", files);
  expect(removed).toBe(3);
  expect(scene.read()).toMatchObject({ owner: "a store" });
  expect(readdirSync(scene.directory)).toEqual(["sessions.lock"]);
});

it("an owner whose leftovers cannot be removed has the lock all the same", async () => {
  const scene = new Scene();
  const broken = (): Promise<never> => Promise.reject(new Error("EIO"));
  const lock = await scene.acquire({}, "a store", { ...nodeFiles, list: broken });
  expect(scene.read()).toMatchObject({ owner: "a store" });
  await lock.release();
  expect(readdirSync(scene.directory)).toEqual([]);
});

it("a contender that was killed while it took a stale lock away keeps nobody waiting", async () => {
  const scene = new Scene();
  scene.put(scene.record(0));
  const takeover = `${scene.path}.takeover`;
  writeFileSync(takeover, JSON.stringify(scene.record(0, { pid: 3000, owner: "one killed" })));
  const { ms } = await scene.acquireInTime(1_000);
  expect(ms).toBeGreaterThan(0);
  expect(scene.read()).toMatchObject({ owner: "a store" });
  expect(readdirSync(scene.directory)).toEqual(["sessions.lock"]);
});

it("a contender that lives has its time to take a stale lock away", async () => {
  const scene = new Scene();
  scene.put(scene.record(0));
  const takeover = `${scene.path}.takeover`;
  writeFileSync(takeover, JSON.stringify(scene.record(0, { pid: 3000, started: null })));
  const isAlive = (pid: number): Promise<boolean> => Promise.resolve(pid === 3000);
  const acquiring = scene.acquire({ isAlive });
  await scene.clock.advance(5_000);
  expect(scene.read()).toMatchObject({ owner: "another store" });
  rmSync(takeover);
  await scene.clock.advanceUntil(acquiring, 1_000);
  expect(scene.read()).toMatchObject({ owner: "a store" });
});

it("a lock whose name is taken by what cannot be read as one is given up", async () => {
  const scene = new Scene();
  symlinkSync(join(scene.directory, "none"), scene.path);
  await expect(scene.acquireInTime(60_000)).rejects.toMatchObject({ code: "STORE_LOCKED" });
});

it("an owner that cannot open its lock leaves none", async () => {
  const scene = new Scene();
  const files: Files = {
    ...nodeFiles,
    open: async (path, mode) => {
      if (path === scene.path && mode === "existing") {
        throw Object.assign(new Error("EMFILE"), { code: "EMFILE" });
      }
      return nodeFiles.open(path, mode);
    },
  };
  await expect(scene.acquire({}, "a store", files)).rejects.toMatchObject({ code: "STORE_IO" });
  expect(readdirSync(scene.directory)).toEqual([]);
});
