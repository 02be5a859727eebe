/** The engine suite over the engine of lite-nosql's files, which are in memory here. */
import { MessageChannel } from "node:worker_threads";
import { vi } from "vitest";
import { dispatchTo, engineFrom } from "../../src/protocol/dispatch.js";
import { connect, serve } from "../../src/protocol/rpc.js";
import { errno } from "../../src/worker/ports/failure.js";
import type { OpenFile, OpenMode } from "../../src/worker/ports/files.js";
import { openWorld } from "../support/engine-world.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";
import type { EngineKind } from "./engine/behavior.js";
import { engineSuite } from "./engine-suite.js";

vi.mock("node:crypto", async (importOriginal) => {
  const { withFastPbkdf2 } = await import("../support/fast-pbkdf2.js");
  return withFastPbkdf2(await importOriginal());
});

/** Files in memory on a disk that may be full. */
class FillableFiles extends MemoryFiles {
  full = false;

  override async open(path: string, mode: OpenMode): Promise<OpenFile> {
    const file = await super.open(path, mode);
    const write = file.write.bind(file);
    file.write = async (bytes, position) => {
      if (this.full) throw errno("ENOSPC", "write", "no space left on device");
      await write(bytes, position);
    };
    return file;
  }
}

interface Disk {
  readonly files: FillableFiles;
  readonly clock: ManualClock;
}

function diskEngine(...encryptionKeys: string[]): EngineKind<Disk> {
  return {
    reopens: true,
    place: () => ({ files: new FillableFiles(), clock: new ManualClock() }),
    open: (disk) => openWorld("/data", { ...disk, config: { encryptionKeys, hasUsers: true } }),
    clock: ({ clock }) => clock,
    breakWrites: ({ files }) => {
      files.full = true;
      return () => (files.full = false);
    },
  };
}

/** Engines of a kind, at the other end of a port. */
function behindPort<Place>(kind: EngineKind<Place>): EngineKind<Place> {
  return {
    ...kind,
    async open(place) {
      const { port1, port2 } = new MessageChannel();
      serve(dispatchTo(await kind.open(place)), port2);
      const engine = engineFrom(connect(port1));
      // The ports stay open, since calls after closing are answered too. They keep no process alive.
      port1.unref();
      port2.unref();
      return engine;
    },
  };
}

engineSuite("the disk engine", diskEngine());
engineSuite("the disk engine, encrypted", diskEngine("a key of the test's own"));
engineSuite("the disk engine, behind a port", behindPort(diskEngine()));
