/** What stores that share a collection tell each other of their options, and where these differ. */
import type { DiskEngineConfig } from "../../protocol/config.js";
import type { Needs } from "./messages.js";

/** What a guest asks for. */
export function needsOf({ durable, absoluteTtlMs, hasUsers }: DiskEngineConfig): Needs {
  return { durable, absoluteTtlMs, hasUsers };
}

/** The options of which the owner's hold, under their public names, as JSON text. */
export function ownersOptions({ maxPendingMs, absoluteTtlMs, disk }: DiskEngineConfig): string {
  return JSON.stringify({
    absoluteTtl: absoluteTtlMs === null ? null : absoluteTtlMs / 1000,
    walLimit: disk.walLimitBytes,
    gcInterval: disk.gcIntervalMs,
    compactAfterGc: disk.compactAfterGc,
    maxBytes: disk.maxBytes ?? null,
    maxPendingMs,
  });
}

/** Says which options of a guest are not the owner's; null if none is. */
export function difference(guests: string, owners: string): string | null {
  const own = JSON.parse(guests) as Record<string, unknown>;
  const theirs = JSON.parse(owners) as Record<string, unknown>;
  const differing = Object.keys(own)
    // An owner of another version may not know all of them.
    .filter((name) => name in theirs && own[name] !== theirs[name])
    .map((name) => `${name} (${text(own[name])} here, ${text(theirs[name])} there)`);
  return differing.length === 0 ? null : differing.join(", ");
}

function text(value: unknown): string {
  return value === null ? "not set" : JSON.stringify(value);
}
