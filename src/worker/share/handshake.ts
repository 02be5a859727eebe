/**
 * How an owner and a guest prove to each other that they have read the same lock file, and have a
 * password in common, before either takes anything else of the other. Knows no sockets.
 */
import { createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

import { type Needs, OLDEST_PROTOCOL, PROTOCOL, VALUE_FORMAT } from "./messages.js";

/** What a guest says of itself. */
export interface Introduction extends Needs {
  /** The name of the guest. */
  readonly guest: string;
  /** Which file the lock is, as the guest sees it. */
  readonly lock: string;
}

/** What an owner says first. */
export interface Hello {
  readonly protocol: number;
  readonly oldest: number;
  readonly format: number;
  readonly nonce: string;
}

/** What a guest answers. */
export interface Proof extends Introduction {
  readonly protocol: number;
  readonly format: number;
  readonly nonce: string;
  /** That it knows the secret. */
  readonly mac: string;
  /** The same for each of its passwords. */
  readonly keyed: readonly string[];
}

/** `key`: no password in common. `lock`: the files are not the same. */
export type Refusal = "secret" | "key" | "lock" | "protocol";

/** What both ends start from. */
export interface Credentials {
  /** That of the lock file, as hex digits. */
  readonly secret: string;
  /** What the passwords come to, see {@link sharedKeys}; an empty one without encryption. */
  readonly keys: readonly Buffer[];
}

const NONCE_BYTES = 16;
const ROUNDS = 100_000;
/** As many as fit into a proof. */
const MAX_KEYS = 10;

/** The name part of a socket. */
export function newSocketName(): string {
  return randomBytes(4).toString("hex");
}

export function newSecret(): string {
  return randomBytes(32).toString("hex");
}

const derive = promisify(pbkdf2);

/** What passwords come to, which says nothing about those of the files. */
export async function sharedKeys(passwords: readonly string[]): Promise<readonly Buffer[]> {
  if (passwords.length === 0) return [Buffer.alloc(0)];
  const first = passwords.slice(0, MAX_KEYS);
  return Promise.all(
    first.map((password) => derive(password, "express-session-isolate", ROUNDS, 32, "sha256")),
  );
}

export function newHello(): Hello {
  const nonce = randomBytes(NONCE_BYTES).toString("hex");
  return { protocol: PROTOCOL, oldest: OLDEST_PROTOCOL, format: VALUE_FORMAT, nonce };
}

export function proofFor(hello: Hello, { secret, keys }: Credentials, guest: Introduction): Proof {
  const nonce = randomBytes(NONCE_BYTES).toString("hex");
  // The newest that both speak; where there is none, one that the owner refuses.
  const protocol = Math.max(OLDEST_PROTOCOL, Math.min(PROTOCOL, hello.protocol));
  const open = { protocol, format: VALUE_FORMAT, nonce, ...guest };
  const said = transcript("guest", hello, open);
  return { ...open, mac: mac(secret, said), keyed: keys.map((key) => mac(secret, said, key)) };
}

/** The owner's verdict. @returns the proof of the owner, or why the guest is refused */
export function judgeProof(
  hello: Hello,
  proof: Proof,
  { secret, keys }: Credentials,
  lock: string,
): { readonly mac: string } | { readonly refusal: Refusal } {
  const said = transcript("guest", hello, proof);
  if (!isEqual(proof.mac, mac(secret, said))) return { refusal: "secret" };
  if (!(proof.protocol >= OLDEST_PROTOCOL && proof.protocol <= PROTOCOL)) {
    return { refusal: "protocol" };
  }
  if (proof.lock !== lock) return { refusal: "lock" };
  const common = keys.find((key) =>
    proof.keyed.some((keyed) => isEqual(keyed, mac(secret, said, key))),
  );
  if (common === undefined) return { refusal: "key" };
  return { mac: mac(secret, transcript("owner", hello, proof), common) };
}

/** Whether an owner has proved that it knows the secret and a common key. */
export function isOwner(
  hello: Hello,
  proof: Proof,
  { secret, keys }: Credentials,
  welcome: string,
): boolean {
  const said = transcript("owner", hello, proof);
  return keys.some((key) => isEqual(welcome, mac(secret, said, key)));
}

type Open = Omit<Proof, "mac" | "keyed">;

function transcript(role: "guest" | "owner", hello: Hello, proof: Open): string {
  const { protocol, oldest, format, nonce } = hello;
  return JSON.stringify([
    role,
    ...[protocol, oldest, format, nonce],
    ...[proof.protocol, proof.format, proof.nonce, proof.guest, proof.lock],
    ...[proof.durable, proof.absoluteTtlMs, proof.hasUsers],
  ]);
}

function mac(secret: string, text: string, key: Uint8Array = Buffer.alloc(0)): string {
  const hmac = createHmac("sha256", Buffer.concat([Buffer.from(secret, "hex"), key]));
  return hmac.update(text).digest("base64");
}

function isEqual(given: unknown, expected: string): boolean {
  const wanted = Buffer.from(expected);
  const bytes = Buffer.from(typeof given === "string" ? given : "");
  return bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
}
