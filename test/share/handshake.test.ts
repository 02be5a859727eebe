/** Owns how an owner and a guest find out whether they belong together. */
import { describe, expect, it } from "vitest";
import {
  type Credentials,
  isOwner,
  judgeProof,
  newHello,
  newSecret,
  type Proof,
  proofFor,
  sharedKeys,
} from "../../src/worker/share/handshake.js";
import { MAX_HANDSHAKE_BYTES } from "../../src/worker/share/messages.js";

const GUEST = {
  ...{ guest: "0123456789abcdef", lock: "1:2" },
  ...{ durable: true, absoluteTtlMs: Number.MAX_SAFE_INTEGER, hasUsers: true },
};
const secret = newSecret();
const [keyA, keyB, keyC] = await Promise.all(
  ["key a of the test", "key b of the test", "key c of the test"].map(async (password) => {
    const [key] = await sharedKeys([password]);
    return key!;
  }),
);
const plain = await sharedKeys([]);

/** What becomes of a guest at an owner; `changed` is what happens to its proof on the way. */
function meet(
  guest: Credentials,
  owner: Credentials,
  changed: (proof: Proof) => Proof = (proof) => proof,
): string {
  const hello = newHello();
  const proof = proofFor(hello, guest, GUEST);
  const verdict = judgeProof(hello, changed(proof), owner, GUEST.lock);
  if ("refusal" in verdict) return verdict.refusal;
  return isOwner(hello, proof, guest, verdict.mac) ? "joined" : "impostor";
}

describe("a guest and an owner", () => {
  it("without encryption join by the secret", () => {
    expect(meet({ secret, keys: plain }, { secret, keys: plain })).toBe("joined");
  });

  it("with any password in common join", () => {
    const owner = { secret, keys: [keyC!, keyA!] };
    expect(meet({ secret, keys: [keyA!, keyB!] }, owner)).toBe("joined");
  });

  it.each([
    ["none", [keyA!], [keyB!]],
    ["only the owner's", plain, [keyB!]],
    ["only the guest's", [keyA!], plain],
  ])("with no password in common do not: %s", (_, guest, owner) => {
    expect(meet({ secret, keys: guest }, { secret, keys: owner })).toBe("key");
  });

  it("with different secrets do not join, whatever the passwords", () => {
    const other = { secret: newSecret(), keys: [keyA!] };
    expect(meet({ secret, keys: [keyA!] }, other)).toBe("secret");
  });

  it.each<[string, Partial<Proof>, string]>([
    ["lock", { lock: "1:3" }, "secret"],
    ["name", { guest: "f".repeat(16) }, "secret"],
    ["nonce", { nonce: "0".repeat(32) }, "secret"],
    ["durability", { durable: false }, "secret"],
    ["limit", { absoluteTtlMs: null }, "secret"],
    ["wish for users", { hasUsers: false }, "secret"],
    ["proof of the secret", { mac: "" }, "secret"],
    ["proof of the key", { keyed: [] }, "key"],
  ])("do not join when the %s was changed on the way", (_, change, refusal) => {
    const same = { secret, keys: [keyA!] };
    expect(meet(same, same, (proof) => ({ ...proof, ...change }))).toBe(refusal);
  });

  it("that see different lock files do not join", () => {
    const hello = newHello();
    const same = { secret, keys: plain };
    const proof = proofFor(hello, same, { ...GUEST, lock: "9:9" });
    expect(judgeProof(hello, proof, same, GUEST.lock)).toEqual({ refusal: "lock" });
  });
});

describe("a proof", () => {
  it("does not hold for another hello", () => {
    const same = { secret, keys: plain };
    const proof = proofFor(newHello(), same, GUEST);
    expect(judgeProof(newHello(), proof, same, GUEST.lock)).toEqual({ refusal: "secret" });
  });

  it("of somebody who does not know the secret is not the owner's", () => {
    const hello = newHello();
    const guest = { secret, keys: [keyA!] };
    const proof = proofFor(hello, guest, GUEST);
    const impostor = { secret: newSecret(), keys: [keyA!] };
    const theirs = judgeProof(hello, proofFor(hello, impostor, GUEST), impostor, GUEST.lock);
    expect("mac" in theirs && isOwner(hello, proof, guest, theirs.mac)).toBe(false);
    expect(isOwner(hello, proof, guest, proof.mac)).toBe(false);
    expect(isOwner(hello, proof, guest, proof.keyed[0]!)).toBe(false);
  });

  it("fits into what is read before it is judged, with very many passwords too", async () => {
    const keys = await sharedKeys(Array.from({ length: 30 }, (_, index) => `password ${index}`));
    const proof = proofFor(newHello(), { secret, keys }, { ...GUEST, lock: "9".repeat(40) });
    expect(JSON.stringify(proof).length).toBeLessThan(MAX_HANDSHAKE_BYTES);
  });
});
