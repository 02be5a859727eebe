/** Owns what the holder of a lock does and notices, over real files and a clock that a test commands. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Files } from "../../../src/worker/ports/files.js";
import { nodeFiles } from "../../../src/worker/ports/node-files.js";
import { Scene } from "../../support/lock-scene.js";

describe("a lock that is held", () => {
  it("is kept fresh, in place", async () => {
    const scene = new Scene();
    await scene.acquire();
    const length = readFileSync(scene.path).length;
    for (let round = 0; round < 4; round++) {
      await scene.clock.advance(5_000);
      expect(scene.clock.now() - scene.read().ts).toBeLessThanOrEqual(5_000);
      expect(readFileSync(scene.path)).toHaveLength(length);
    }
    expect(scene.lost).toEqual([]);
  });

  it("keeps others out for as long as it is", async () => {
    const scene = new Scene();
    await scene.acquire({}, "the holder");
    await scene.clock.advance(120_000);
    await expect(scene.acquire({}, "a newcomer")).rejects.toMatchObject({ code: "STORE_LOCKED" });
  });

  it("is lost when somebody deletes it: another may have come and gone", async () => {
    const scene = new Scene();
    await scene.acquire();
    rmSync(scene.path);
    await scene.clock.advance(60_000);
    expect(scene.lost).toMatchObject([{ code: "STORE_LOCKED" }]);
    expect(readdirSync(scene.directory)).toEqual([]);
  });

  it("is looked at when its owner has been silent by either clock", async () => {
    for (const silence of ["suspended", "set back"]) {
      const scene = new Scene();
      const lock = await scene.acquire();
      await lock.assertLeased();
      rmSync(scene.path);
      scene.put(scene.record(0));
      await lock.assertLeased();
      if (silence === "suspended") scene.clock.jump(8_000);
      else {
        scene.clock.jump(-3_600_000);
        scene.clock.pass(8_000);
      }
      await expect(lock.assertLeased()).rejects.toMatchObject({ code: "STORE_LOCKED" });
    }
  });

  it("is lost when it is taken away while its heartbeat is written", async () => {
    const scene = new Scene();
    const files: Files = {
      ...nodeFiles,
      open: async (path, mode) => {
        const file = await nodeFiles.open(path, mode);
        if (mode === "existing") {
          const write = file.write.bind(file);
          file.write = async (bytes, position) => {
            await write(bytes, position);
            rmSync(scene.path);
          };
        }
        return file;
      },
    };
    await scene.acquire({}, "a store", files);
    await scene.clock.advance(3_000);
    expect(scene.lost).toMatchObject([{ code: "STORE_LOCKED" }]);
  });

  it("is lost, once, when somebody takes it, and theirs is left alone", async () => {
    const scene = new Scene();
    const lock = await scene.acquire();
    const theirs = scene.record(0);
    rmSync(scene.path);
    scene.put(theirs);
    await scene.clock.advance(60_000);
    expect(scene.lost).toMatchObject([{ code: "STORE_LOCKED" }]);
    expect(scene.lost[0]!.message).toContain("2000");
    await lock.release();
    expect(scene.read()).toEqual(theirs);
  });

  it("is lost when the directory goes, and none is made", async () => {
    const scene = new Scene();
    await scene.acquire();
    rmSync(scene.directory, { recursive: true });
    await scene.clock.advance(60_000);
    expect(scene.lost).toMatchObject([{ code: "STORE_IO" }]);
    mkdirSync(scene.directory);
    expect(readdirSync(scene.directory)).toEqual([]);
  });

  it("leaves no timer behind when it is released", async () => {
    const scene = new Scene();
    const lock = await scene.acquire();
    await scene.clock.advance(6_000);
    await lock.release();
    await lock.release();
    expect(scene.clock.pending).toBe(0);
    expect(readdirSync(scene.directory)).toEqual([]);
  });
});
