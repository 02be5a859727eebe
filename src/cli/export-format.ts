/**
 * An export: lines of JSON. The first says what it is, the last how many sessions are between them and
 * the SHA-256 of all bytes before it, so that what was cut short or changed is noticed.
 */
import { createHash } from "node:crypto";

import type { ReadableFile } from "../worker/ports/files.js";
import { EXIT, Failure } from "./failure.js";
import type { Found } from "./sessions.js";

const FORMAT = "express-session-isolate sessions";
const VERSION = 1;
const CHUNK_BYTES = 1024 * 1024;

/** A session as a line has it. Its text, and the newer cookie of a touch, are as they were stored. */
export interface Line {
  readonly id: string;
  readonly session: string;
  readonly cookie: string | null;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly createdAt: number | null;
  readonly user: string | null;
}

interface Ending {
  readonly sessions: number;
  readonly sha256: string;
}

/** Makes the lines, each with its line break. */
export class Exporter {
  readonly #digest = createHash("sha256");
  sessions = 0;

  head(now: number): string {
    return this.#line({ format: FORMAT, version: VERSION, exportedAt: now });
  }

  session({ id, stored: [found, expiresAt, createdAt, user] }: Found): string {
    const [session, cookie] = typeof found === "string" ? [found, null] : found;
    this.sessions++;
    const line: Line = { id, session, cookie, expiresAt, createdAt, user };
    return this.#line(line);
  }

  end(): string {
    const ending: Ending = { sessions: this.sessions, sha256: this.#digest.digest("hex") };
    return `${JSON.stringify(ending)}\n`;
  }

  #line(value: object): string {
    const line = `${JSON.stringify(value)}\n`;
    this.#digest.update(line);
    return line;
  }
}

/**
 * Reads an export to its end, and makes sure that all of it is there and means something.
 * @returns how many sessions it has
 * @throws Failure if not
 */
export async function verifyExport(file: ReadableFile): Promise<number> {
  const digest = createHash("sha256");
  let number = 0;
  let last: Buffer | null = null;
  for await (const line of linesOf(file)) {
    if (last !== null) {
      digest.update(last).update("\n");
      if (number === 1) assertHead(last);
      else assertStorable(parseLine(last, number), number);
    }
    last = line;
    number++;
  }
  const ending = last === null || number < 2 ? null : endingIn(last);
  if (ending === null) throw damaged("it is cut short, or none: its last line is missing");
  if (ending.sha256 !== digest.digest("hex"))
    throw damaged("it was changed: its checksum is wrong");
  if (ending.sessions !== number - 2) throw damaged("it has not as many sessions as it says");
  return ending.sessions;
}

/** The sessions in an export that has been verified. */
export async function* sessionsOf(file: ReadableFile): AsyncGenerator<Line, void, undefined> {
  let number = 0;
  let last: Buffer | null = null;
  for await (const line of linesOf(file)) {
    if (last !== null && number > 1) yield parseLine(last, number);
    last = line;
    number++;
  }
}

function assertHead(line: Buffer): void {
  const { format, version } = objectIn(line) ?? {};
  if (format !== FORMAT) throw damaged("it is no export of this program");
  if (version !== VERSION)
    throw damaged(`it is of version ${String(version)}, which is unknown here`);
}

function endingIn(line: Buffer): Ending | null {
  const { sessions, sha256 } = objectIn(line) ?? {};
  return typeof sessions === "number" && typeof sha256 === "string" ? { sessions, sha256 } : null;
}

function parseLine(line: Buffer, number: number): Line {
  const { id, session, cookie, expiresAt, createdAt, user } = objectIn(line) ?? {};
  if (
    typeof id !== "string" ||
    typeof session !== "string" ||
    typeof expiresAt !== "number" ||
    !(cookie === null || typeof cookie === "string") ||
    !(createdAt === null || typeof createdAt === "number") ||
    !(user === null || typeof user === "string")
  ) {
    throw damaged(`line ${number} is no session`);
  }
  return { id, session, cookie, expiresAt, createdAt, user };
}

/** What is no JSON would spoil the place where it is stored. */
function assertStorable({ session, cookie }: Line, number: number): void {
  try {
    JSON.parse(session);
    JSON.parse(cookie ?? "null");
  } catch {
    throw damaged(`line ${number} has a session that is no JSON`);
  }
}

function objectIn(line: Buffer): Partial<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line.toString());
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

/** The lines that end with a line break, without it. */
async function* linesOf(file: ReadableFile): AsyncGenerator<Buffer, void, undefined> {
  let parts: Buffer[] = [];
  for (let position = 0; ;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const bytes = chunk.subarray(0, await file.read(chunk, position));
    if (bytes.length === 0) return;
    position += bytes.length;
    let at = 0;
    for (let end = bytes.indexOf("\n"); end !== -1; end = bytes.indexOf("\n", at)) {
      yield Buffer.concat([...parts, bytes.subarray(at, end)]);
      parts = [];
      at = end + 1;
    }
    parts.push(bytes.subarray(at));
  }
}

function damaged(reason: string): Failure {
  return new Failure(EXIT.damaged, `nothing was imported from the file: ${reason}`);
}
