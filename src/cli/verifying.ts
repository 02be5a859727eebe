/** The command that says what an opening would find: verify. */
import type { Damage, Holder, Reading } from "../worker/disk/outside.js";
import { missing, noteDeparture } from "./access.js";
import { counted } from "./changing.js";
import { EXIT, type Exit, usage } from "./failure.js";
import type { Given } from "./options.js";
import { write, writeFacts, writeJson } from "./output.js";
import { placeOf } from "./place.js";

/** How many damaged lines people are shown. */
const SHOWN_LINES = 20;

/** What is found, as JSON shows it. */
interface Findings {
  readonly place: string;
  readonly state: "good" | "damaged";
  /** Live ones, and those that are still in the files. */
  readonly sessions: number;
  readonly expired: number;
  /** How many records of the files are good. */
  readonly records: number;
  readonly damage: readonly Damage[];
  /** Of a write at the end of the journal that was cut short: it was never acknowledged. */
  readonly tornBytes: number;
  /** How many documents of other shapes an opening converts. */
  readonly converted: number;
  readonly encrypted: boolean;
  readonly lock: Holder["state"];
  readonly owner: { readonly pid: number; readonly host: string } | null;
  /** Files that a crash has left, which the next opening removes. */
  readonly leftovers: readonly string[];
  /** Files with what was set aside. */
  readonly quarantine: readonly string[];
}

export async function verify(given: Given): Promise<Exit> {
  const place = placeOf(given);
  const { files } = place;
  if (files === null) throw usage("verify is of files: a Redis server looks after its own");
  const holder = await files.holder();
  const reading = await files.read();
  if (reading === null) throw missing(place);
  await noteDeparture(files);
  const { leftovers, quarantine } = await files.others();
  const isHeld = holder.state === "held";
  const record = "record" in holder ? holder.record : null;
  const findings: Findings = {
    place: place.name,
    state: reading.damage.length === 0 ? "good" : "damaged",
    ...countsOf(reading),
    lock: holder.state,
    owner: record === null ? null : { pid: record.pid, host: record.host },
    // Those of an owner are in use.
    leftovers: isHeld ? [] : leftovers,
    quarantine,
  };
  if (given.is("json")) await writeJson(findings);
  else await tell(findings);
  return findings.state === "good" ? EXIT.done : EXIT.damaged;
}

function countsOf(reading: Reading) {
  const { collection, records, damage, tornBytes, converted, isEncrypted } = reading;
  const sessions = collection.countLive(Date.now());
  const expired = collection.size - sessions;
  return { sessions, expired, records, damage, tornBytes, converted, encrypted: isEncrypted };
}

const LOCKS: Readonly<Record<Holder["state"], string>> = {
  free: "free",
  held: "held: a store has the collection open",
  silent: "left by a process that is gone: the next opening takes it",
  foreign: "another file has its name: an opening refuses",
};

async function tell(findings: Findings): Promise<void> {
  const { place, sessions, expired, records, damage, tornBytes, converted } = findings;
  await writeFacts([
    ["place", place],
    ["state", findings.state],
    ["sessions", `${sessions} live, ${expired} expired`],
    ["records", `${records} good, ${damage.length} damaged`],
    ["torn tail", tornBytes === 0 ? "none" : `${tornBytes} bytes, which an opening cuts off`],
    ["encrypted", findings.encrypted ? "yes, and the key fits" : "no"],
    ["lock", LOCKS[findings.lock]],
    ["leftovers", findings.leftovers.join(", ") || "none"],
    ["quarantine", findings.quarantine.join(", ") || "none"],
    ...(converted === 0
      ? []
      : [["other shapes", `${converted}, which an opening converts`] as const]),
  ]);
  for (const { file, line, reason } of damage.slice(0, SHOWN_LINES)) {
    await write(`${file}, line ${line}: ${reason}\n`);
  }
  if (damage.length > SHOWN_LINES) await write(`and ${damage.length - SHOWN_LINES} more: --json\n`);
  if (damage.length > 0) {
    await write(`An opening sets these lines aside and serves the ${counted(sessions)}.\n`);
  }
}
