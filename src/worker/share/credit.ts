/**
 * How much a guest may send to the owner without an answer, so that on a slow disk what waits stays
 * with those who want it written. Sessions that are beyond it are held back, and what concerns the
 * same sessions with them; other gets, touches and logouts are not, unless they come after a clear.
 */
import type { Touch, Write } from "../../protocol/contract.js";
import { type Call, UNREPEATABLE } from "./calls.js";

/** Bytes of sessions that may be without an answer. */
const MAX_BYTES = 16 * 1024 * 1024;

export class Credit {
  /** The bytes of each call that has been sent. */
  readonly #sent = new Map<number, number>();
  #bytes = 0;
  /** What is held back, in order, and the sessions that it concerns. */
  readonly #held = new Set<Call>();
  readonly #sids = new Set<string>();
  /** Whether what is held back may concern sessions that are not known yet. */
  #holdsAll = false;

  /** @returns whether a call may be sent now; if not, it is held back */
  take(call: Call): boolean {
    const bytes = bytesOf(call);
    const isTooMuch = this.#bytes > 0 && bytes > 0 && this.#bytes + bytes > MAX_BYTES;
    if (isTooMuch || this.#isBehind(call)) {
      this.#held.add(call);
      for (const sid of sidsOf(call) ?? []) this.#sids.add(sid);
      this.#holdsAll ||= UNREPEATABLE.has(call.method);
      return false;
    }
    this.#sent.set(call.id, bytes);
    this.#bytes += bytes;
    return true;
  }

  /** For a call that has been answered. @returns those that may be sent now */
  give(id: number): Call[] {
    const bytes = this.#sent.get(id) ?? 0;
    this.#sent.delete(id);
    this.#bytes -= bytes;
    if (bytes === 0 || this.#held.size === 0) return [];
    const held = [...this.#held];
    this.#held.clear();
    this.#sids.clear();
    this.#holdsAll = false;
    return held.filter((call) => this.take(call));
  }

  /** Whether something is held back that such a call must not overtake. */
  #isBehind(call: Call): boolean {
    if (this.#held.size === 0) return false;
    const sids = sidsOf(call);
    return sids === null || this.#holdsAll || sids.some((sid) => this.#sids.has(sid));
  }
}

function bytesOf({ method, args }: Call): number {
  if (method !== "write") return 0;
  const texts = (args[0] as readonly Write[]).map(([, json = ""]) => json.length);
  return texts.reduce((sum, length) => sum + length, 0);
}

/** The sessions that a call concerns; null if all. */
function sidsOf({ method, args: [items] }: Call): readonly string[] | null {
  if (method === "get") return items as readonly string[];
  if (method === "touch") return (items as readonly Touch[]).map(([sid]) => sid);
  if (method === "write") return (items as readonly Write[]).map(([sid]) => sid);
  return null;
}
