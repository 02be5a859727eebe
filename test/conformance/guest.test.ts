/** The engine suite over a guest: another store on the calling thread is the owner. */
import { vi } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import { ManualClock } from "../support/manual-clock.js";
import { openMember } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import type { EngineKind } from "./engine/behavior.js";
import { engineSuite } from "./engine-suite.js";

vi.mock("node:crypto", async (importOriginal) => {
  const { withFastPbkdf2 } = await import("../support/fast-pbkdf2.js");
  return withFastPbkdf2(await importOriginal());
});

interface Place {
  readonly directory: string;
  readonly clock: ManualClock;
  owner: Engine | null;
}

function guest(...encryptionKeys: string[]): EngineKind<Place> {
  const open = ({ directory, clock }: Place): Promise<Engine> =>
    openMember(directory, { config: { hasUsers: true, encryptionKeys }, environment: { clock } });
  return {
    reopens: true,
    place: () => ({ directory: tempDirectory(), clock: new ManualClock(), owner: null }),
    async open(place) {
      place.owner ??= await open(place);
      return open(place);
    },
    clock: ({ clock }) => clock,
    /** The owner is gone, and the guest takes its place. */
    async kill(place) {
      await place.owner?.close();
      place.owner = null;
    },
  };
}

engineSuite("a guest", guest());
engineSuite("a guest, encrypted", guest("a key of the test's own"));
