/**
 * Owns that a collection that is not shared has one owner, with real processes and the built package:
 * a second one is refused and told whose it is, one that died is replaced at once, one that lost it
 * stops writing.
 */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import LiteNoSQLStore from "express-session-isolate";
import {
  afterAll,
  beforeAll,
  describe,
  expect,
  it,
  onTestFinished,
  type TestContext,
} from "vitest";
import { Owner, owner } from "../support/owner.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

type Options = ConstructorParameters<typeof LiteNoSQLStore>[0];

/** Less than the 10 s of silence after which any lock is stale: the owner was seen to be dead. */
const AT_ONCE_MS = 9_000;

/** A store that is closed when the test has finished. Concurrent tests pass their context. */
function storeIn(options: Options, test?: TestContext): LiteNoSQLStore {
  const store = new LiteNoSQLStore(options);
  store.on("error", () => undefined);
  (test?.onTestFinished ?? onTestFinished)(() => store.close().catch(() => undefined));
  return store;
}

const SESSION = { cookie: { originalMaxAge: null }, user: "alice" };

describe.each([true, false])("a second store, isolate: %s,", (isolate) => {
  it("in another process is refused and told the owner's pid", async () => {
    const directory = tempDirectory();
    const first = await owner({ directory, isolate, share: false });
    const refused = await new Owner({ directory, isolate: !isolate, share: false }).opened;
    expect(refused.code).toBe("STORE_LOCKED");
    expect(refused.message).toContain(String(first.process.pid));
    // The owner has not noticed.
    expect(await first.call("set", "a", SESSION)).toEqual({ value: null });
  });

  it("in the same process is refused, and its calls with it", async () => {
    const directory = tempDirectory();
    const first = storeIn({ directory, isolate, share: false });
    await first.ready;
    const second = storeIn({ directory, isolate, share: false });
    await expect(second.ready).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await expect(second.ready).rejects.toThrow(String(process.pid));
    await expect(second.get("a")).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await second.close();
    await first.set("a", SESSION);
    expect(await first.get("a")).toEqual(SESSION);
  });

  it("opens at once when the owner was killed, and has all that was acknowledged", async () => {
    const directory = tempDirectory();
    const first = await owner({ directory, isolate, share: false });
    await first.call("set", "a", SESSION);
    await first.kill("SIGKILL");
    expect(existsSync(join(directory, "sessions.lock"))).toBe(true);

    const started = performance.now();
    const second = storeIn({ directory, isolate, share: false });
    expect(await second.get("a")).toEqual(SESSION);
    expect(performance.now() - started).toBeLessThan(AT_ONCE_MS);
  });

  it("opens at once when the owner was closed, and the lock is gone", async () => {
    const directory = tempDirectory();
    const first = await owner({ directory, isolate, share: false });
    await first.call("set", "a", SESSION);
    expect(await first.call("close")).toEqual({ value: null });
    expect(readdirSync(directory)).toEqual(["sessions.wal.log"]);
    const second = storeIn({ directory, isolate, share: false });
    expect(await second.get("a")).toEqual(SESSION);
  });
});

it.runIf(process.platform === "linux")(
  "an owner that was killed and that nobody has buried is dead all the same",
  async () => {
    const directory = tempDirectory();
    const script = `
      const { default: Store } = await import("express-session-isolate");
      await new Store({ directory: ${JSON.stringify(directory)} }).ready;
      process.stdout.write("ready\\n");
      setInterval(() => {}, 1000);`;
    // The shell becomes a process that waits for no child, so the dead one stays in the table.
    const parent = spawn(
      "sh",
      ["-c", 'node --input-type=module -e "$0" & echo $!; exec sleep 600', script],
      {
        cwd: fileURLToPath(new URL("../..", import.meta.url)),
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    onTestFinished(() => void parent.kill("SIGKILL"));
    let said = "";
    parent.stdout.on("data", (chunk) => (said += String(chunk)));
    await until(() => said.includes("ready"), 20_000);
    const pid = Number.parseInt(said);
    process.kill(pid, "SIGKILL");
    await until(() => readFileSync(`/proc/${pid}/stat`, "latin1").includes(" Z "));

    const second = storeIn({ directory });
    await expect(second.ready).resolves.toBeUndefined();
  },
  30_000,
);

it("two collections of one directory are open side by side", async () => {
  const directory = tempDirectory();
  const encryptionKey = "a key of the test's own";
  const [first, second] = await Promise.all([
    owner({ directory, collection: "one", encryptionKey }),
    owner({ directory, collection: "two", encryptionKey }),
  ]);
  await first.call("set", "a", SESSION);
  await second.call("set", "b", SESSION);
  expect(await first.call("get", "b")).toEqual({ value: null });
  await first.call("close");
  await second.call("close");
  // They share the salt, whoever made it.
  const one = storeIn({ directory, collection: "one", encryptionKey });
  const two = storeIn({ directory, collection: "two", encryptionKey });
  expect(await one.ids()).toEqual(["a"]);
  expect(await two.ids()).toEqual(["b"]);
});

describe("a lock by lite-nosql", () => {
  const record = (pid: number, ts: number): string =>
    JSON.stringify({ pid, ts, host: (process.env["HOSTNAME"] ?? hostname()).slice(0, 64) });

  it("of a process that lives is respected", async () => {
    const directory = tempDirectory();
    writeFileSync(join(directory, "sessions.lock"), record(process.pid, Date.now()));
    const store = storeIn({ directory });
    await expect(store.ready).rejects.toMatchObject({ code: "STORE_LOCKED" });
  });

  it.each([
    ["is silent", () => record(process.pid, Date.now() - 60_000)],
    ["is dead", () => record(2 ** 22 + 1, Date.now())],
  ])("of a process that %s is not", async (_, text) => {
    const directory = tempDirectory();
    writeFileSync(join(directory, "sessions.lock"), text());
    await storeIn({ directory }).ready;
  });
});

it("a lock file that says nothing is replaced", async () => {
  const directory = tempDirectory();
  writeFileSync(join(directory, "sessions.lock"), "{");
  await storeIn({ directory }).ready;
});

/** Why the first `set` is refused. */
function refusal(store: ReturnType<typeof storeIn>): Promise<unknown> {
  const attempt = (): Promise<unknown> =>
    store.set("a", SESSION as never).then(
      () => false as const,
      (error: unknown) => error,
    );
  return until(attempt, 20_000);
}

// Each waits for heartbeats, which come every 2.5 s.
describe.concurrent.each([true, false])("an owner, isolate: %s,", (isolate) => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(realpathSync(tmpdir()), "express-session-isolate-"));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it("whose lock somebody deleted writes no more: another may have come and gone", async (test) => {
    const directory = join(root, "deleted");
    const store = storeIn({ directory, isolate, share: false }, test);
    await store.set("a", SESSION);
    rmSync(join(directory, "sessions.lock"));
    expect(await refusal(store)).toMatchObject({ code: "STORE_LOCKED" });
    expect(await store.get("a")).toEqual(SESSION);
  });

  it("that lost its lock writes no more, and leaves the new owner's alone", async (test) => {
    const directory = join(root, "lost");
    const path = join(directory, "sessions.lock");
    const store = storeIn({ directory, isolate, share: false }, test);
    await store.set("a", SESSION);
    const theirs = JSON.stringify({ pid: 1, ts: Date.now(), host: "there" });
    writeFileSync(path, theirs);
    expect(await refusal(store)).toMatchObject({ code: "STORE_LOCKED" });
    const journal = readFileSync(join(directory, "sessions.wal.log"));
    await expect(store.compact()).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await expect(store.destroy("a")).rejects.toMatchObject({ code: "STORE_LOCKED" });
    expect(await store.get("a")).toEqual(SESSION);
    await store.close();
    expect(readFileSync(path, "utf8")).toBe(theirs);
    expect(readFileSync(join(directory, "sessions.wal.log"))).toEqual(journal);
  }, 20_000);

  it("whose directory goes writes no more", async (test) => {
    const directory = join(root, "gone");
    const store = storeIn({ directory, isolate, share: false }, test);
    await store.set("a", SESSION);
    rmSync(directory, { recursive: true });
    expect(await refusal(store)).toMatchObject({ code: "STORE_IO" });
    await store.close();
    expect(existsSync(directory)).toBe(false);
  }, 20_000);
});
