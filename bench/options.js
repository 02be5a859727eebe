/** The command line. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cells, SITUATIONS } from "./cells.js";
import { CONTENDERS } from "./stores/index.js";

const LATEST = fileURLToPath(new URL("results/latest.json", import.meta.url));

export const USAGE = `npm run bench -- [options]

  --only a,b     situations, or cells as write/memory: ${Object.keys(SITUATIONS).join(", ")}
  --stores a,b   contenders: ${Object.keys(CONTENDERS).join(", ")}
  --seconds n    length of each window (default 1)
  --rounds n     how often each cell is measured (default 2)
  --json file    where the figures are written (default bench/results/latest.json)
  --publish      measures a million sessions as well, and publishes the run with --documents
  --documents    measures nothing: documents and pictures anew from bench/published.json`;

const TEXT = /** @type {const} */ ({ type: "string" });
const FLAG = /** @type {const} */ ({ type: "boolean", default: false });
const TEXTS = { only: TEXT, stores: TEXT, seconds: TEXT, rounds: TEXT, json: TEXT };
const OPTIONS = { ...TEXTS, publish: FLAG, documents: FLAG, help: FLAG };

/** @param {string[]} args @throws if they make no sense */
export function readOptions(args) {
  const { values } = parseArgs({ args, options: OPTIONS });
  const only = values.only?.split(",") ?? [];
  const stores = values.stores?.split(",") ?? [];
  const [seconds, rounds] = [Number(values.seconds ?? 1), Number(values.rounds ?? 2)];
  const unknown =
    only.find((part) => cells([part]).length === 0) ??
    stores.find((name) => cells([], [name], true).length === 0);
  if (unknown !== undefined) throw new RangeError(`there is no "${unknown}": see --help`);
  if (!(seconds > 0 && rounds >= 1)) throw new RangeError("--seconds or --rounds is too small");
  // npm has changed into this directory since the caller named a path.
  const json = resolve(process.env["INIT_CWD"] ?? "", values.json ?? LATEST);
  return { ...values, only, stores, seconds, rounds, json };
}
