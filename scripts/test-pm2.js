/**
 * Reloads servers under PM2 while visitors come and go, over the package as it is published: no
 * request fails, no session's counter has a gap, and who has logged out stays so in all instances.
 *
 *     npm run test:pm2
 *
 * PM2 and all else that it needs go into a temporary directory, and so does what PM2 remembers.
 */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const VISITORS = 6;
const RELOADS = 2;

const home = mkdtempSync(join(tmpdir(), "express-session-isolate-pm2-"));
const env = { ...process.env, PM2_HOME: join(home, "pm2"), PM2_DISCRETE_MODE: "true" };
const run = promisify(execFile);
const pm2 = (/** @type {string[]} */ ...args) =>
  run(process.execPath, [join(home, "node_modules", "pm2", "bin", "pm2"), ...args], {
    cwd: home,
    env,
    timeout: 60_000,
  });

/** Ends PM2 and with it the servers, and deletes what they leave, however this process ends. */
process.on("exit", () => {
  try {
    // Its instances end with it.
    process.kill(Number(readFileSync(join(env.PM2_HOME, "pm2.pid"), "utf8")), "SIGKILL");
  } catch {
    // It was ended in order, or never started.
  }
  rmSync(home, { recursive: true, force: true, maxRetries: 9 });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

function install() {
  cpSync(join(ROOT, "scripts", "pm2"), home, { recursive: true });
  writeFileSync(join(home, "package.json"), '{ "type": "module" }');
  const npm = (/** @type {string[]} */ args, cwd = home) => {
    const { status, stdout } = spawnSync("npm", args, {
      cwd,
      stdio: ["ignore", "pipe", "inherit"],
    });
    assert.equal(status, 0, `npm ${args[0]} failed`);
    return String(stdout).trim();
  };
  const pack = npm(["pack", "--ignore-scripts", "--silent", "--pack-destination", home], ROOT);
  const packages = ["pm2@7", "express@5", "express-session@1", join(home, pack)];
  npm(["install", "--no-audit", "--no-fund", "--silent", ...packages]);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await promisify(server.close.bind(server))();
  return port;
}

/** A connection of its own for each request, so that the instances take turns. */
const agent = new Agent({ keepAlive: false });

/** @param {number} port @param {string} path @param {string} cookie */
async function request(port, path, cookie) {
  const options = { host: "127.0.0.1", port, path, agent, headers: { cookie } };
  const [response] = await once(get(options), "response");
  const chunks = await response.toArray();
  const text = String(Buffer.concat(chunks));
  assert.equal(response.statusCode, 200, text);
  const [set] = response.headers["set-cookie"] ?? [];
  return { ...JSON.parse(text), cookie: set?.split(";")[0] ?? cookie };
}

/** Visits until it is told to stop. @returns how often */
async function visit(/** @type {number} */ port, /** @type {{ stop: boolean }} */ state) {
  let cookie = "";
  let count = 0;
  while (!state.stop) {
    const answer = await request(port, "/visit", cookie);
    assert.equal(answer.visits, ++count, "a session's counter has a gap, or has gone back");
    cookie = answer.cookie;
  }
  return count;
}

/** What each of some visitors with this cookie is shown, and by which process. */
async function look(/** @type {number} */ port, cookie = "", count = 8) {
  const looks = Array.from({ length: count }, () => request(port, "/look", cookie));
  const answers = await Promise.all(looks);
  const pids = [...new Set(answers.map(({ pid }) => pid))];
  return { pids, visits: answers.map(({ visits }) => visits) };
}

/** Resolves when so many instances answer: without wait_ready, PM2 says that they are up before. */
async function untilUp(/** @type {number} */ port, /** @type {number} */ instances) {
  for (;;) {
    const found = await look(port).catch(({ code }) => assert.equal(code, "ECONNREFUSED"));
    if (found?.pids.length === instances) return found.pids;
    await delay(20);
  }
}

/** @param {number} instances @param {boolean} waits whether PM2 is told when an instance is ready */
async function reloadUnderLoad(instances, waits) {
  const directory = join(home, `sessions-${instances}-${waits}`);
  mkdirSync(directory);
  const port = await freePort();
  const app = { name: "server", script: "server.js", exec_mode: "cluster", instances };
  const settings = { wait_ready: waits, kill_timeout: 5000, listen_timeout: 30_000 };
  const apps = [{ ...app, ...settings, env: { SESSIONS: directory, PORT: port } }];
  writeFileSync(join(home, "ecosystem.config.json"), JSON.stringify({ apps }));
  await pm2("start", "ecosystem.config.json");
  const before = await untilUp(port, instances);
  const { cookie } = await request(port, "/visit", "");
  await request(port, "/logout", cookie);
  const gone = async () => {
    const { pids, visits } = await look(port, cookie);
    assert.ok(!visits.some(Boolean), "who has logged out is back");
    assert.equal(pids.length, instances, "not all instances have answered");
    return pids;
  };
  await gone();

  const state = { stop: false };
  const visiting = Promise.all(Array.from({ length: VISITORS }, () => visit(port, state)));
  const reloading = async () => {
    for (let count = 0; count < RELOADS; count++) await pm2("reload", "server");
    state.stop = true;
  };
  const [counts] = await Promise.all([visiting, reloading()]);
  for (const count of counts) assert.ok(count > 0, "a visitor was not answered once");
  const after = await gone();
  assert.ok(!after.some((pid) => before.includes(pid)), "an instance was not replaced");
  await pm2("delete", "server");
  const requests = counts.reduce((sum, count) => sum + count);
  console.log(
    `${instances} instances, wait_ready: ${waits}: ${requests} requests in ${RELOADS} reloads`,
  );
}

install();
try {
  for (const instances of [1, 2]) {
    for (const waits of [true, false]) await reloadUnderLoad(instances, waits);
  }
  console.log(`PM2 has reloaded ${4 * RELOADS} times, and nobody noticed`);
} finally {
  await pm2("kill");
}
