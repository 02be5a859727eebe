import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/**
 * The secret that signs session cookies: SESSION_SECRET, or one that is generated once and stored
 * with the data. A new secret at each start would log everyone out.
 *
 * @param {string} directory where the generated secret is stored
 */
export function sessionSecret(directory) {
  if (process.env.SESSION_SECRET) return process.env.SESSION_SECRET;

  const path = join(directory, ".session-secret");
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  const secret = randomBytes(32).toString("base64url");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // Written under another name first, so that a crash cannot leave half a secret.
  writeFileSync(`${path}.new`, secret, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return secret;
}
