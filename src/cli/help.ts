/** What `--help` shows, from the table of commands. */
import { type Command, COMMANDS } from "./commands.js";
import { type OptionName, OPTIONS } from "./options.js";

export const PROGRAM = "express-session-isolate";

const EXITS = `Exit codes: 0 done, 1 failed, 2 wrong usage, 3 damage found, 4 in use or out of reach, 5 wrong key.`;

export function help(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`,
  );
  return [
    `Usage: ${PROGRAM} COMMAND [OPTIONS]`,
    "",
    "Looks at the sessions of a store, saves them, moves them, and ends them.",
    "",
    ...lines,
    "",
    `${PROGRAM} COMMAND --help says more.`,
    "",
    "Where the sessions are: --directory DIR, or Redis by --redis-file FILE or the environment",
    "variable SESSION_STORE_REDIS. The encryption key: --key-file FILE or SESSION_STORE_KEY.",
    "",
    "For example, in a directory where a server keeps its sessions in ./data:",
    `  npx ${PROGRAM} ${COMMANDS["list"]?.example ?? ""}`,
    "",
    EXITS,
    "",
  ].join("\n");
}

export function helpOf(name: string, command: Command): string {
  const { summary, about, args, options, example } = command;
  const named = [...options, "help" as const];
  const width = Math.max(...named.map((option) => synopsis(option).length));
  return [
    `Usage: ${PROGRAM} ${[name, args, "[OPTIONS]"].filter(Boolean).join(" ")}`,
    "",
    `${name}: ${summary}. ${about}`,
    "",
    ...named.map((option) => `  ${synopsis(option).padEnd(width)}  ${OPTIONS[option].about}`),
    "",
    "For example:",
    `  npx ${PROGRAM} ${example}`,
    "",
  ].join("\n");
}

function synopsis(option: OptionName): string {
  const { value } = OPTIONS[option];
  return value === undefined ? `--${option}` : `--${option} ${value}`;
}
