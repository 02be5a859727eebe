/** Owns in which mode the sessions of requests are stored, and what their failures are. */
import { describe, expect, it } from "vitest";
import { Provenance } from "../../src/main/provenance.js";
import type { WriteMode } from "../../src/protocol/contract.js";

/** The session of a request, which can save itself. */
function requested(): object {
  return { save: () => undefined };
}

/** Stores a session, and tells in which mode. */
async function modeOf(
  provenance: Provenance,
  session: object,
  outcome: Promise<unknown> = Promise.resolve(),
  sid = "a",
): Promise<WriteMode> {
  let used: WriteMode | null = null;
  await provenance.store(session, sid, (mode) => {
    used = mode;
    return outcome;
  });
  return used!;
}

describe("the session of a request", () => {
  it("is an update if it was made from what was found, under the id of that", async () => {
    const provenance = new Provenance();
    const [stored, session] = [{}, requested()];
    provenance.found(stored);
    provenance.made(session, "a", stored);
    expect(await modeOf(provenance, session)).toBe("update");
    expect(await modeOf(provenance, session, undefined, "b")).toBe("put");
  });

  it("is put if it was made from anything else", async () => {
    const provenance = new Provenance();
    const session = requested();
    provenance.made(session, "a", {});
    expect(await modeOf(provenance, session)).toBe("put");
    expect(await modeOf(provenance, session)).toBe("update");
  });

  it("is put again if it could not be stored, and an update meanwhile fails with that", async () => {
    const provenance = new Provenance();
    const session = requested();
    const refusal = new Error("refused");
    const creation = modeOf(provenance, session, Promise.reject(refusal));
    const update = modeOf(provenance, session);
    await expect(creation).rejects.toBe(refusal);
    await expect(update).rejects.toBe(refusal);
    expect(await modeOf(provenance, session)).toBe("put");
  });
});

it("a plain object is put, however often", async () => {
  const provenance = new Provenance();
  const session = {};
  expect(await modeOf(provenance, session)).toBe("put");
  expect(await modeOf(provenance, session)).toBe("put");
});
