/**
 * Owns a reader of lite-nosql's files that shares nothing with the engine: what it finds is what
 * lite-nosql would. Written from the format alone: the snapshot parsed as a whole, the journal line
 * by line, lines that are no record skipped.
 */
import { createDecipheriv, pbkdf2Sync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

type Json = Record<string, unknown>;

/** A document, by its id. */
export type Documents = Map<string, Json>;

export interface JournalEntry {
  readonly op: string;
  readonly id: string;
  readonly doc?: Json;
  readonly set?: Json;
  readonly unset?: readonly string[];
  readonly inc?: Json;
  readonly updatedAt?: string;
}

/** The files of a collection, as far as they exist. */
export interface CollectionFiles {
  readonly snapshot: Buffer | null;
  readonly journal: Buffer | null;
  readonly salt: Buffer | null;
}

export function readFiles(directory: string, collection = "sessions"): CollectionFiles {
  const read = (name: string): Buffer | null => {
    try {
      return readFileSync(join(directory, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  };
  return {
    snapshot: read(`${collection}.snapshot.json`),
    journal: read(`${collection}.wal.log`),
    salt: read(".db.salt"),
  };
}

/** The documents of a collection. Throws where lite-nosql would. */
export function readDocuments(files: CollectionFiles, password?: string): Documents {
  const key =
    password === undefined || files.salt === null ? null : deriveKey(password, files.salt);
  const documents: Documents =
    files.snapshot === null ? new Map() : parseSnapshot(files.snapshot, key);
  for (const line of (files.journal ?? Buffer.alloc(0)).toString("utf8").split("\n")) {
    const entry = parseEntry(line.trim(), key);
    if (entry !== null) applyEntry(documents, entry);
  }
  return documents;
}

const keys = new Map<string, Buffer>();

export function deriveKey(password: string, salt: Buffer): Buffer {
  const name = `${password} ${salt.toString("latin1")}`;
  const bytes = Buffer.from(salt.toString("latin1").trim(), "hex");
  const key = keys.get(name) ?? pbkdf2Sync(password, bytes, 100_000, 32, "sha256");
  keys.set(name, key);
  return key;
}

/** The content of an envelope. Throws where this is not its key, or it was changed. */
export function openEnvelope(envelope: string, key: Buffer): string {
  return openEnvelopeBytes(envelope, key).toString("utf8");
}

/** As {@link openEnvelope}, for content that need not be text. */
export function openEnvelopeBytes(envelope: string, key: Buffer): Buffer {
  const [iv, tag, data, ...more] = envelope.split(":");
  if (iv === undefined || tag === undefined || data === undefined || more.length > 0) {
    throw new Error("not three parts");
  }
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(iv, "hex"), {
    authTagLength: 16,
  });
  decipher.setAuthTag(Buffer.from(tag, "hex"));
  const bytes = Buffer.from(data, "base64");
  return Buffer.concat([decipher.update(bytes), decipher.final()]);
}

function parseSnapshot(bytes: Buffer, key: Buffer | null): Documents {
  const text = bytes.toString("utf8");
  const snapshot = JSON.parse(key === null ? text : openEnvelope(text, key)) as {
    docs: [string, Json][];
  };
  return new Map(snapshot.docs);
}

/** A line of the journal; null where it is empty or no record. */
export function parseEntry(line: string, key: Buffer | null): JournalEntry | null {
  if (line === "") return null;
  try {
    return JSON.parse(key === null ? line : openEnvelope(line, key)) as JournalEntry;
  } catch {
    return null;
  }
}

export function applyEntry(documents: Documents, entry: JournalEntry): void {
  const { op, id } = entry;
  if (op === "insert" && entry.doc !== undefined) documents.set(id, entry.doc);
  if (op === "delete") documents.delete(id);
  const document = documents.get(id);
  if (op !== "update" || document === undefined) return;
  for (const [path, value] of Object.entries(entry.set ?? {})) setAt(document, path, value);
  for (const path of entry.unset ?? []) {
    const [parent, name] = parentOf(document, path, false);
    if (parent !== null) Reflect.deleteProperty(parent, name);
  }
  for (const [path, by] of Object.entries(entry.inc ?? {})) {
    const [parent, name] = parentOf(document, path, true);
    setAt(document, path, Number(parent?.[name] ?? 0) + Number(by));
  }
  if (entry.updatedAt !== undefined) document["updatedAt"] = entry.updatedAt;
}

function setAt(document: Json, path: string, value: unknown): void {
  const [parent, name] = parentOf(document, path, true);
  if (parent !== null) parent[name] = value;
}

/** The object that the last name of a path is in; made on the way, if asked. */
function parentOf(document: Json, path: string, make: boolean): [Json | null, string] {
  const names = path.split(".");
  const name = names.pop() ?? "";
  let parent = document;
  for (const step of names) {
    const next = parent[step];
    if (typeof next === "object" && next !== null) parent = next as Json;
    else if (make) parent = parent[step] = {};
    else return [null, name];
  }
  return [parent, name];
}

/** The session id, the session and its expiry, where the document is a session; else null. */
export function sessionIn(
  id: string,
  document: Json,
): { sid: string; sess: object; expiresAt: unknown } | null {
  const { sid, _id, sess, expiresAt } = document;
  if (typeof sess !== "object" || sess === null) return null;
  const ownId = typeof _id === "string" ? _id : id;
  return { sid: typeof sid === "string" ? sid : ownId, sess, expiresAt };
}
