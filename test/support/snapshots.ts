/** Owns what tests of snapshots have in common: elements, written to a file and read from one. */
import { expect } from "vitest";
import { documentText } from "../../src/worker/disk/documents/document.js";
import type { Keyring } from "../../src/worker/disk/keys/keyring.js";
import {
  readSnapshot,
  type SnapshotReading,
} from "../../src/worker/disk/snapshot/snapshot-reader.js";
import { SnapshotWriter } from "../../src/worker/disk/snapshot/snapshot-writer.js";
import { MemoryFiles } from "./memory-files.js";

const PATH = "/snapshot";

/** Elements of a given size: ids and documents. */
export function elements(count: number, size: number): [string, string][] {
  return Array.from({ length: count }, (_, number) => {
    const id = `sid-${number}`;
    const text = "é".repeat(Math.max(0, Math.floor((size - 60) / 2)));
    return [id, `{"_id":"${id}","sess":{"n":${number},"text":"${text}"},"expiresAt":${number}}`];
  });
}

export async function write(list: [string, string][], keys: Keyring | null): Promise<Buffer> {
  const files = new MemoryFiles();
  const writer = new SnapshotWriter(await files.open(PATH, "create"), keys, 42, 1234);
  for (const [id, text] of list) if (writer.add(id, text)) await writer.drain();
  expect(await writer.finish()).toBe(files.content(PATH).length);
  return files.content(PATH);
}

export async function read(
  content: Buffer | null,
  keys: Keyring | null,
): Promise<{ reading: SnapshotReading; found: [string, string][] }> {
  const files = new MemoryFiles(content === null ? [] : [[PATH, content]]);
  const file = content === null ? null : await files.open(PATH, "read");
  const found: [string, string][] = [];
  const reading = await readSnapshot(file, keys, (change) => {
    if (change.op === "store") found.push([change.sid, documentText(change.sid, change.session)]);
    else if (change.op === "insert") found.push([change.id, JSON.stringify(change.document)]);
  });
  return { reading, found };
}
