/**
 * How a command reaches the sessions: by the store that has them open, as its guest; by the files
 * alone where there is none and it only looks; or by opening the collection for a moment.
 */
import { hostInline } from "../main/hosts/inline-host.js";
import type { DiskEngineConfig } from "../protocol/config.js";
import type { Engine, EngineListener } from "../protocol/contract.js";
import { StoreError } from "../protocol/errors.js";
import { type Looker, lookerOver, type Outside, type Reading } from "../worker/disk/outside.js";
import { isReadOnly } from "../worker/ports/read-only-files.js";
import { joinEngine } from "../worker/share/open.js";
import { EXIT, Failure, messageOf } from "./failure.js";
import { note } from "./output.js";
import type { Place } from "./place.js";

/** What a command looks at: an engine that is open, or what was read from files. */
export type View = { readonly looker: Looker } & (
  | { readonly engine: Engine; readonly reading: null }
  | { readonly engine: null; readonly reading: Reading }
);

const LISTENER: EngineListener = {
  onError: (error) => {
    // A guest goes by what the owner has been told, and is told itself when that is gone.
    const isOfGuest = error instanceof StoreError && error.code === "OPTIONS_DIFFER";
    if (!isOfGuest && !hasNoOwner(error)) note(messageOf(error));
  },
  onExpired: () => undefined,
};

/** How often a guest tries to join another owner, where one has gone meanwhile. */
const MAX_JOINS = 5;

/** Whether a guest has failed because there is no owner, and none comes. */
function hasNoOwner(error: unknown): boolean {
  return error instanceof StoreError && isReadOnly(error.cause);
}

/** Looks. Nothing is written, not even a lock, whether a store has the collection open or not. */
export async function look<T>(place: Place, use: (view: View) => Promise<T>): Promise<T> {
  const over = (engine: Engine): Promise<T> => use({ looker: engine, engine, reading: null });
  const { files, config } = place;
  if (files === null) return withEngine(place, over);
  await noteDeparture(files);
  for (let tries = 0; (await files.holder()).state === "held"; tries++) {
    let engine: Engine | null = null;
    try {
      engine = await joinEngine(config as DiskEngineConfig, LISTENER);
      return await over(engine);
    } catch (error) {
      if (!hasNoOwner(error)) throw error;
      // An owner that went before it was joined may have been the last one.
      if (engine === null && tries < MAX_JOINS) continue;
      throw new Failure(EXIT.busy, `the store that had ${place.name} open went away: try again`);
    } finally {
      await engine?.close();
    }
  }
  const reading = await files.read();
  if (reading === null) throw missing(place);
  noteDamage(reading);
  return use({ looker: lookerOver(reading, Date.now()), engine: null, reading });
}

/** Changes what is there: as a guest, or as the owner for as long as it takes. */
export async function change<T>(place: Place, use: (engine: Engine) => Promise<T>): Promise<T> {
  if (place.files !== null && !(await place.files.exists())) throw missing(place);
  return withEngine(place, use);
}

/** Opens the collection, and makes it if there is none. */
export async function withEngine<T>(
  { config }: Place,
  use: (engine: Engine) => Promise<T>,
): Promise<T> {
  const host = hostInline(config, LISTENER);
  await host.ready;
  try {
    return await use(host.engine);
  } finally {
    await host.engine.close();
  }
}

export function missing({ name }: Place): Failure {
  return new Failure(EXIT.failed, `there are no sessions in ${name}`);
}

/** What is found in the files is not all that there is. */
export async function noteDeparture(files: Outside): Promise<void> {
  if (!(await files.isDeparted())) return;
  note("these sessions move, or have moved, to Redis: here are those that are left, if any");
}

function noteDamage({ damage }: Reading): void {
  if (damage.length === 0) return;
  const lines = damage.length === 1 ? "one damaged line is" : `${damage.length} damaged lines are`;
  note(`${lines} left out: verify says which`);
}
