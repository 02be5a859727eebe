/**
 * What the owner of a collection and its guests say to each other, once they trust each other, and
 * how it stands in the body of a frame.
 */
import { deserialize, serialize } from "node:v8";

import type { Answer } from "../../protocol/pager.js";
import type { WireError } from "../../protocol/wire-error.js";

/** What a guest asks for all sessions: of what the stores ask, the strictest holds. */
export interface Needs {
  /** Whether its writes are to be fsynced. */
  readonly durable: boolean;
  readonly absoluteTtlMs: number | null;
  /** Whether it is to be known when sessions were created. */
  readonly hasUsers: boolean;
}

/** The version of what follows. A release speaks that of the one before it as well. */
export const PROTOCOL = 1;
export const OLDEST_PROTOCOL = 1;

/** The kinds of frames. Those of the handshake are text, the others are values. */
export const Kind = {
  /** Owner to guest: who is there. */
  hello: 1,
  /** Guest to owner: that it knows the secret. */
  proof: 2,
  /** Owner to guest: that it knows it too; or why the guest is not welcome. */
  welcome: 3,
  refusal: 4,
  /** Owner to guest: the collection is open, and with which options. */
  open: 5,
  /** Guest to owner, and the answer. */
  call: 6,
  answer: 7,
  /** Whether the other end is alive, and that it is. */
  ping: 8,
  pong: 9,
} as const;

/** The longest frame before the handshake is over, in bytes. */
export const MAX_HANDSHAKE_BYTES = 1024;
/** That after it: a session of 256 MiB, of which each character may take two bytes, and the rest. */
export const MAX_FRAME_BYTES = 513 * 1024 * 1024;

/** The writes of a call have numbers that follow each other; each is executed once. */
export interface Numbers {
  /** The number of the first. */
  readonly first: number;
  /** All lower ones have been answered. */
  readonly floor: number;
}

export type CallMessage = readonly [
  id: number,
  method: string,
  args: readonly unknown[],
  numbers?: Numbers | null,
];

export type AnswerMessage = readonly [id: number, outcome: Answer | { readonly error: WireError }];

/** How values become bytes. */
export interface Codec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Buffer): unknown;
}

/** The version of the format of `node:v8`, which an older Node cannot read. */
export const VALUE_FORMAT = serialize(null)[1] ?? 0;

/** Begins what is in that format, and no JSON. */
const VALUE_MARK = 0xff;

/** JSON is quicker up to some thousand characters: `node:v8` has much to set up for each value. */
const SHORT_CHARS = 4096;

/** That of `node:v8` for what is long: no second escaping of what is JSON text already. */
const valueCodec: Codec = {
  encode: (value) => (isShort(value) ? textCodec.encode(value) : serialize(value)),
  decode: (bytes): unknown =>
    bytes[0] === VALUE_MARK ? deserialize(bytes) : textCodec.decode(bytes),
};

/** For two versions of Node whose formats differ. */
const textCodec: Codec = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(bytes.toString()) as unknown,
};

/** @param format that of the other end */
export function codecFor(format: number): Codec {
  return format === VALUE_FORMAT ? valueCodec : textCodec;
}

/** Whether JSON of a value has about so few characters; does not look at all of one that is long. */
function isShort(value: unknown): boolean {
  let left = SHORT_CHARS;
  const fits = (part: unknown): boolean => {
    left -= typeof part === "string" ? part.length : 8;
    if (left < 0 || typeof part !== "object" || part === null) return left >= 0;
    return Object.values(part).every(fits);
  };
  return fits(value);
}
