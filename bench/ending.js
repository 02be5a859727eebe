/** What must not outlive this process, however it ends. */
import { rmSync } from "node:fs";

const running = new Set();
const directories = new Set();

/** A child process is killed with this one. */
export function endWithThisProcess(child) {
  running.add(child);
  child.once("exit", () => running.delete(child));
}

/** A directory is removed with this process. */
export function removeWithThisProcess(directory) {
  directories.add(directory);
}

process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const directory of directories) {
    // A process that was just killed may still have made a file.
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
});
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
