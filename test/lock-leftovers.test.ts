/** Owns what a contender for a lock leaves when it is killed or its disk fails, and who removes it. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Files, nodeFiles } from "../src/worker/files.js";
import { Scene } from "./support/lock-scene.js";

const NAME = "0123456789abcdef";

test("the next owner removes what killed contenders left, and nothing else", async () => {
  const scene = new Scene();
  const others = [`carts.lock.${NAME}.tmp`, "sessions.lock.notes.tmp", `sessions.lock.${NAME}.txt`];
  for (const name of [`sessions.lock.${NAME}.tmp`, `sessions.lock.${NAME}.stale`, ...others]) {
    writeFileSync(join(scene.directory, name), "");
  }
  await scene.acquire();
  expect(readdirSync(scene.directory).sort()).toEqual([...others, "sessions.lock"].sort());
});

test("a contender whose file was removed as a leftover makes it again", async () => {
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

test("an owner whose leftovers cannot be removed has the lock all the same", async () => {
  const scene = new Scene();
  const broken = (): Promise<never> => Promise.reject(new Error("EIO"));
  const lock = await scene.acquire({}, "a store", { ...nodeFiles, list: broken });
  expect(scene.read()).toMatchObject({ owner: "a store" });
  await lock.release();
  expect(readdirSync(scene.directory)).toEqual([]);
});

test("a lock that was moved aside and cannot be read there is put back", async () => {
  const scene = new Scene();
  scene.put(scene.record(0));
  let alive = false;
  const text = readFileSync(scene.path, "utf8");
  const files: Files = {
    ...nodeFiles,
    open: async (path, mode) => {
      if (!path.endsWith(".stale")) return nodeFiles.open(path, mode);
      // From here on the lock is nobody's to take.
      alive = true;
      throw Object.assign(new Error("EMFILE"), { code: "EMFILE" });
    },
  };
  const isAlive = (): Promise<boolean> => Promise.resolve(alive);
  await expect(scene.acquire({ isAlive }, "a store", files)).rejects.toMatchObject({
    code: "STORE_LOCKED",
  });
  expect(readFileSync(scene.path, "utf8")).toBe(text);
  expect(readdirSync(scene.directory)).toEqual(["sessions.lock"]);
});
