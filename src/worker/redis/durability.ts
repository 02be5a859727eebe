/**
 * What an acknowledgement needs besides the answer of the master: for `durable`, that it was fsynced
 * before, or a wait for that; for `replicas`, a wait for them. It is proved at each connect.
 */
import type { RedisEngineConfig } from "../../protocol/config.js";
import { StoreError } from "../../protocol/errors.js";
import type { Line } from "./line.js";
import { type Command, unlessRefused } from "./replies.js";

/** A command that follows writes, and waits until they are safe. */
export interface Assurance {
  readonly command: Command;
  /** @throws StoreError `STORE_UNCERTAIN` if its answer says that they are not */
  readonly check: (reply: unknown) => void;
}

/** The part of the time for a call that the server may wait. */
const SHARE = 0.75;

/**
 * Asks a server. Null if its answer to a write is enough.
 * @throws StoreError `STORE_NOT_DURABLE`
 */
export async function assuranceOf(
  { durable, redis: { replicas, failAfterMs } }: RedisEngineConfig,
  line: Line,
): Promise<Assurance | null> {
  const waitMs = String(Math.floor(failAfterMs * SHARE));
  if (durable && !(await isFsyncedBeforeAnswer(line))) {
    if (!(await canWaitForFsync(line))) throw notDurable();
    return waitFor(["WAITAOF", "1", String(replicas), waitMs], [1, replicas]);
  }
  return replicas === 0 ? null : waitFor(["WAIT", String(replicas), waitMs], [replicas]);
}

function waitFor(command: Command, wanted: readonly number[]): Assurance {
  return {
    command,
    check: (reply) => {
      const counts = Array.isArray(reply) ? reply.map(Number) : [Number(reply)];
      if (wanted.every((count, index) => (counts[index] ?? 0) >= count)) return;
      throw new StoreError(
        "STORE_UNCERTAIN",
        `the Redis server has the write, but ${command[0]} tells in time only of ${counts.join(" and ")} ` +
          `copies where ${wanted.join(" and ")} are wanted: it may be lost when the server fails`,
      );
    },
  };
}

/** Whether the server fsyncs each write before it answers. */
async function isFsyncedBeforeAnswer(line: Line): Promise<boolean> {
  const asked = await Promise.all(
    ["appendonly", "appendfsync"].map((name) => unlessRefused(line.send(["CONFIG", "GET", name]))),
  );
  const [appendonly, appendfsync] = asked.map((reply) =>
    Array.isArray(reply) ? String(reply[1]) : "unknown",
  );
  return appendonly === "yes" && appendfsync === "always";
}

/** Whether the server has the command that waits for its own fsync, and an append-only file. */
async function canWaitForFsync(line: Line): Promise<boolean> {
  return (await unlessRefused(line.send(["WAITAOF", "1", "0", "1"]))) !== undefined;
}

function notDurable(): StoreError {
  return new StoreError(
    "STORE_NOT_DURABLE",
    "the option durable: true needs a Redis server that has each write on its disk before it " +
      "answers: set appendonly yes and appendfsync always there, or use one that has the command " +
      "WAITAOF (7.2) with appendonly yes; or leave the option out",
  );
}
