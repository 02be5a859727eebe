/** Scripts that run in a process of their own: JSON in as an argument, JSON out. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** @param {string} script relative to this file @param {object} task @param {object} [env] */
export async function run(script, task, env) {
  const args = [fileURLToPath(new URL(script, import.meta.url)), JSON.stringify(task)];
  const options = { env: { ...process.env, ...env }, timeout: 600_000 };
  try {
    return JSON.parse((await promisify(execFile)(process.execPath, args, options)).stdout);
  } catch (error) {
    const { stderr, signal, message } = /** @type {any} */ (error);
    const thrown = /^\w*Error.*?: (.*)$/m.exec(stderr)?.[1];
    throw new Error(thrown ?? signal ?? message, { cause: error });
  }
}

/**
 * In such a script: answers with what `measure` makes of its task, unless it is only imported.
 * @template T @param {string} url of the script @param {(task: T) => unknown} measure
 */
export async function answer(url, measure) {
  if (process.argv[1] !== fileURLToPath(url)) return;
  // What is to be ended when the process exits, is also ended then.
  process.once("SIGTERM", () => process.exit(1));
  // The worker of an idle store does not keep the process alive.
  setInterval(() => {}, 60_000);
  const result = JSON.stringify(await measure(JSON.parse(process.argv[2] ?? "")));
  process.stdout.write(result, () => process.exit());
}
