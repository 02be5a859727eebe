#!/usr/bin/env node
/** The command line: finds the command, runs it, and ends with its exit code. */
import { COMMANDS } from "./commands.js";
import { EXIT, type Exit, exitOf, messageOf, usage } from "./failure.js";
import { help, helpOf, PROGRAM } from "./help.js";
import { parse, unknown } from "./options.js";
import { endWithReader, note, write } from "./output.js";

async function run([name, ...words]: readonly string[]): Promise<Exit> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    await write(help());
    return name === undefined ? EXIT.usage : EXIT.done;
  }
  if (name.startsWith("-")) throw usage(`the command comes first: ${PROGRAM} COMMAND [OPTIONS]`);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw unknown("command", name, Object.keys(COMMANDS));
  const given = parse(words, command.options);
  if (given.is("help")) {
    await write(helpOf(name, command));
    return EXIT.done;
  }
  const most = command.args === undefined ? 0 : 1;
  if (given.args.length > most) {
    throw usage(`${name} takes ${most === 0 ? "options only" : `one ${command.args ?? ""}`}`);
  }
  return command.run(given);
}

endWithReader();
try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  process.exitCode = exitOf(error);
  note(`${PROGRAM}: ${messageOf(error)}`);
  if (process.exitCode === EXIT.usage) note(`${PROGRAM} --help says how it is used`);
  if (process.exitCode === EXIT.wrongKey) {
    note("the key is taken from --key-file FILE or the environment variable SESSION_STORE_KEY");
  }
}
