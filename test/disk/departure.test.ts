/** Owns the marker of a collection whose sessions were moved elsewhere: who heeds it, and that it stays. */
import { describe, expect, it } from "vitest";
import { assertNotDeparted, markDeparted } from "../../src/worker/disk/departure.js";
import { collectionPaths } from "../../src/worker/disk/paths.js";
import type { OpenFile, OpenMode } from "../../src/worker/ports/files.js";
import { openWorld } from "../support/engine-world.js";
import { MemoryFiles } from "../support/memory-files.js";
import { FaultDisk } from "../support/power/fault-disk.js";
import { FaultFiles } from "../support/power/fault-files.js";
import { CUTS } from "../support/power/unsynced.js";
import { seededRandom } from "../support/random.js";

const PATHS = collectionPaths("/data", "sessions");
const OTHER = collectionPaths("/data", "admin");
const MIGRATED = { code: "STORE_MIGRATED" };

describe("the marker of a collection that was moved", () => {
  it.each(CUTS)(
    "is there after a power cut that leaves %s of what was not fsynced",
    async (cut) => {
      const disk = FaultDisk.with("/data");
      await markDeparted(new FaultFiles(disk), PATHS);
      const after = new FaultFiles(disk.after(cut, seededRandom(1)));
      await expect(assertNotDeparted(after, PATHS)).rejects.toMatchObject(MIGRATED);
    },
  );

  it("is of one collection alone, and may be made again", async () => {
    const files = new MemoryFiles();
    await files.createDirectory();
    await markDeparted(files, PATHS);
    await markDeparted(files, PATHS);
    await expect(assertNotDeparted(files, PATHS)).rejects.toMatchObject(MIGRATED);
    await assertNotDeparted(files, OTHER);
  });

  it("is heeded before the lock of a live owner", async () => {
    const files = new MemoryFiles();
    const owner = await openWorld("/data", { files });
    await markDeparted(files, PATHS);
    await expect(openWorld("/data", { files })).rejects.toMatchObject(MIGRATED);
    await owner.close();
  });

  it("is heeded by who has waited for the lock meanwhile, and leaves it", async () => {
    /** Files in which the marker appears when the lock is about to be made. */
    class Marked extends MemoryFiles {
      override open(path: string, mode: OpenMode): Promise<OpenFile> {
        if (mode === "create") this.put(PATHS.departed, Buffer.of());
        return super.open(path, mode);
      }
    }
    const files = new Marked();
    await expect(openWorld("/data", { files })).rejects.toMatchObject(MIGRATED);
    expect([...files.contents().keys()]).toEqual([PATHS.departed]);
  });
});
