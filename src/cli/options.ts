/** The options of all commands, and a command line taken apart into them. */
import { parseArgs } from "node:util";

import { nearestName } from "../main/options/misspelling.js";
import { type Failure, usage } from "./failure.js";

interface OptionKind {
  /** What its value is called in the help; none for a switch. */
  readonly value?: string;
  readonly about: string;
}

const KINDS = {
  directory: { value: "DIR", about: "the directory of the session files" },
  collection: { value: "NAME", about: "the collection in it; by default sessions" },
  "redis-file": {
    value: "FILE",
    about: "a file with the URL of a Redis server, or the option redis as JSON",
  },
  "key-file": { value: "FILE", about: "a file with the encryption key, or several, one a line" },
  user: { value: "USER", about: "only the sessions of this user" },
  all: { about: "all sessions" },
  output: { value: "FILE", about: "write to this file, which only its owner can read" },
  "with-data": { about: "show what the sessions hold, too" },
  yes: { about: "do not ask" },
  json: { about: "answer with JSON, an object a line" },
  help: { about: "show this" },
} as const satisfies Readonly<Record<string, OptionKind>>;

export type OptionName = keyof typeof KINDS;
export const OPTIONS: Readonly<Record<OptionName, OptionKind>> = KINDS;

/** Those that say where the sessions are. */
export const PLACE: readonly OptionName[] = ["directory", "collection", "redis-file", "key-file"];
/** The same, where there can be no Redis. */
export const FILES: readonly OptionName[] = ["directory", "collection", "key-file"];

/** What a command line says: texts, and `true` for each switch that is on. */
export interface Given {
  readonly text: (name: OptionName) => string | undefined;
  readonly is: (name: OptionName) => boolean;
  readonly args: readonly string[];
}

/**
 * Takes the words after the name of a command apart.
 * @throws Failure if one is unknown, or has a value too few or too many
 */
export function parse(words: readonly string[], names: readonly OptionName[]): Given {
  const known = [...names, "help" as const];
  const options = Object.fromEntries(
    known.map((name) => [
      name,
      {
        type: OPTIONS[name].value === undefined ? ("boolean" as const) : ("string" as const),
        ...(name === "help" && { short: "h" }),
      },
    ]),
  );
  const config = { args: [...words], options, allowPositionals: true } as const;
  for (const token of parseArgs({ ...config, strict: false, tokens: true }).tokens) {
    if (token.kind !== "option" || known.some((name) => name === token.name)) continue;
    throw unknown(
      "option",
      token.rawName,
      known.map((name) => `--${name}`),
    );
  }
  let parsed;
  try {
    parsed = parseArgs(config);
  } catch (error) {
    throw usage((error as Error).message.split("\n")[0] ?? "");
  }
  const { values, positionals } = parsed;
  return {
    text: (name) => values[name] as string | undefined,
    is: (name) => values[name] === true,
    args: positionals,
  };
}

/** What a name could have meant that is not known. */
export function unknown(what: string, name: string, known: readonly string[]): Failure {
  const nearest = nearestName(name, known);
  return usage(
    `unknown ${what} ${name}${nearest === null ? "." : `, did you mean ${nearest}?`} ` +
      `Known: ${known.join(", ")}`,
  );
}
