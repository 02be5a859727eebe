/**
 * Owns the options: both spellings of each and what they do, defaults that can be seen from
 * outside, and the refusal, at once and by name, of whatever is misspelt or of the wrong type or
 * range. Files of the store are read as bytes here; their format is not this file's matter.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { inspect, promisify } from "node:util";
import type session from "express-session";
import LiteNoSQLStore, * as exported from "express-session-isolate";
import { describe, expect, it, onTestFinished } from "vitest";
import { tempDirectory } from "../support/temp-dir.js";
import { until, untilTime } from "../support/until.js";

type Options = ConstructorParameters<typeof LiteNoSQLStore>[0];

const DAY_MS = 86_400_000;
const KEY = "correct horse battery staple";
const SECRET_BODY = "the body of a session";

const OPTIONS = [
  ["directory", "collection", "durable", "walLimit", "ttl", "ttlMs", "gcInterval"],
  ["pasta", "colecao", "modoDuravel", "limiteWAL", "ttlPadraoMs", "intervaloLimpezaMs"],
  ["compactAfterGc", "compactarAposLimpeza", "encryptionKey", "chaveEncriptacao", "debug"],
  ["isolate", "disableTouch", "disableTTL", "serializer", "maxPendingBytes"],
].flat();

/** A session, whatever the application has declared its sessions to be. */
function sessionOf(data: object): session.SessionData {
  return data as session.SessionData;
}

/** A store that is closed after the test; in-thread, since options do not depend on the thread. */
function openStore(options: Options): LiteNoSQLStore {
  const store = new LiteNoSQLStore({ isolate: false, ...options });
  onTestFinished(() => store.close());
  return store;
}

/** What the constructor throws. */
function refusal(options: unknown): unknown {
  try {
    const store = new LiteNoSQLStore(options as Options);
    onTestFinished(() => store.close());
  } catch (error) {
    return error;
  }
  return undefined;
}

/** All bytes of the directory's files. */
function contentOf(directory: string): string {
  return readdirSync(directory)
    .map((file) => readFileSync(join(directory, file), "latin1"))
    .join("\n");
}

/** The expiry that the journal has for the only session in it. */
function storedExpiry(directory: string): number {
  return Number(/"expiresAt":(\d+)/.exec(contentOf(directory))?.[1]);
}

describe("the class", () => {
  const required = createRequire(import.meta.url)("express-session-isolate") as typeof exported;

  it.each([
    ["import", exported],
    ["require", required],
  ])("has two names and is the default export, by %s", (_, { default: Class, ...names }) => {
    expect(names.IsolatedStore).toBe(Class);
    expect(names.LiteNoSQLStore).toBe(Class);
    expect(Class.name).toBe("IsolatedStore");
  });

  it("is what require returns", () => {
    expect(required).toBe(required.default);
  });
});

describe("defaults", () => {
  it("a directory is enough: sessions live for a day, in plain text", async () => {
    const directory = join(tempDirectory(), "made", "by", "the store");
    const store = new LiteNoSQLStore({ directory });
    onTestFinished(() => store.close());
    const earliest = Date.now();
    await store.set("a", sessionOf({ text: SECRET_BODY }));
    const latest = Date.now();
    expect(readdirSync(directory)).toContain("sessions.wal.log");
    expect(contentOf(directory)).toContain(SECRET_BODY);
    expect(storedExpiry(directory)).toBeGreaterThanOrEqual(earliest + DAY_MS);
    expect(storedExpiry(directory)).toBeLessThanOrEqual(latest + DAY_MS);
    expect(await store.stats()).toMatchObject({ compaction: null });
  });

  it.skipIf(process.platform === "win32")("the directory is its owner's alone", async () => {
    const directory = join(tempDirectory(), "data");
    await openStore({ directory }).set("a", sessionOf({}));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(directory)) {
      expect(statSync(join(directory, file)).mode & 0o077, file).toBe(0);
    }
  });
});

/** For each option that has two spellings: both, a value, and what that value shows itself by. */
const SPELLINGS: readonly (readonly [
  english: string,
  portuguese: string,
  value: unknown,
  effect: (store: LiteNoSQLStore, directory: string) => Promise<void>,
])[] = [
  [
    "collection",
    "colecao",
    "my-own.sessions_1",
    async (store, directory) => {
      await store.set("a", sessionOf({}));
      expect(readdirSync(directory)).toContain("my-own.sessions_1.wal.log");
    },
  ],
  [
    "durable",
    "modoDuravel",
    false,
    async (store) => {
      await store.set("a", sessionOf({ n: 1 }));
      expect(await store.get("a")).toStrictEqual({ n: 1 });
    },
  ],
  [
    "walLimit",
    "limiteWAL",
    1_000,
    async (store) => {
      for (let n = 0; n < 20; n += 1) await store.set("a", sessionOf({ text: "x".repeat(100) }));
      await until(async () => (await store.stats()).compaction !== null);
    },
  ],
  [
    "ttlMs",
    "ttlPadraoMs",
    90_000,
    async (store, directory) => {
      const earliest = Date.now();
      await store.set("a", sessionOf({}));
      expect(storedExpiry(directory)).toBeGreaterThanOrEqual(earliest + 90_000);
      expect(storedExpiry(directory)).toBeLessThanOrEqual(Date.now() + 90_000);
    },
  ],
  [
    "gcInterval",
    "intervaloLimpezaMs",
    10,
    async (store) => {
      await store.set("a", sessionOf({ cookie: { expires: new Date(Date.now() + 5) } }));
      await until(async () => ((await store.stats()).gc?.removed ?? 0) > 0);
      expect(await store.destroy("a")).toBe(0);
    },
  ],
  [
    "encryptionKey",
    "chaveEncriptacao",
    KEY,
    async (store, directory) => {
      await store.set("an id to find", sessionOf({ text: SECRET_BODY }));
      await store.compact();
      await store.set("another id", sessionOf({ text: SECRET_BODY }));
      const content = contentOf(directory);
      expect(content).not.toContain(SECRET_BODY);
      expect(content).not.toContain("an id to find");
      expect(content).not.toContain(KEY);
      await store.close();
      for (const spelling of ["encryptionKey", "chaveEncriptacao"]) {
        const again = openStore({ directory, [spelling]: KEY });
        expect(await again.get("another id")).toStrictEqual({ text: SECRET_BODY });
        await again.close();
      }
    },
  ],
];

describe("both spellings", () => {
  it.each(["directory", "pasta"])("%s says where the files are", async (spelling) => {
    const directory = tempDirectory();
    await openStore({ [spelling]: directory } as never).set("a", sessionOf({}));
    expect(readdirSync(directory)).toContain("sessions.wal.log");
  });

  it("a relative directory starts at the working directory", async () => {
    const directory = join(tempDirectory(), "data");
    await openStore({ directory: relative(process.cwd(), directory) }).set("a", sessionOf({}));
    expect(readdirSync(directory)).toContain("sessions.wal.log");
  });

  it.each(SPELLINGS)("%s", async (english, _, value, effect) => {
    const directory = tempDirectory();
    await effect(openStore({ directory, [english]: value }), directory);
  });

  it.each(SPELLINGS.map(([, portuguese, value, effect]) => [portuguese, value, effect] as const))(
    "%s",
    async (portuguese, value, effect) => {
      const directory = tempDirectory();
      await effect(openStore({ pasta: directory, [portuguese]: value }), directory);
    },
  );

  it.each(["compactAfterGc", "compactarAposLimpeza"])("%s", async (spelling) => {
    const store = openStore({ directory: tempDirectory(), gcInterval: 10, [spelling]: true });
    await store.set("a", sessionOf({ cookie: { expires: new Date(Date.now() + 5) } }));
    await until(async () => (await store.stats()).compaction !== null);
    expect(await store.stats()).toMatchObject({ sessions: 0, walBytes: 0 });
  });

  it.each<[string, string, unknown]>([
    ["directory", "pasta", "data"],
    ["collection", "colecao", "sessions"],
    ["durable", "modoDuravel", true],
    ["walLimit", "limiteWAL", 1_048_576],
    ["ttlMs", "ttlPadraoMs", 1_000],
    ["gcInterval", "intervaloLimpezaMs", 1_000],
    ["compactAfterGc", "compactarAposLimpeza", true],
    ["encryptionKey", "chaveEncriptacao", KEY],
    ["ttl", "ttlMs", 1_000],
    ["ttl", "ttlPadraoMs", 1_000],
  ])("%s and %s do not go together", (one, other, value) => {
    const directory = join(tempDirectory(), "data");
    const error = refusal({ directory, [one]: value, [other]: value });
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(one);
    expect((error as Error).message).toContain(other);
    expect(existsSync(directory)).toBe(false);
  });
});

describe("other options", () => {
  it("ttl is in seconds", async () => {
    const directory = tempDirectory();
    const store = openStore({ directory, ttl: 90 });
    const earliest = Date.now();
    await store.set("a", sessionOf({}));
    expect(storedExpiry(directory)).toBeGreaterThanOrEqual(earliest + 90_000);
    expect(storedExpiry(directory)).toBeLessThanOrEqual(Date.now() + 90_000);
  });

  it("ttl may be a function of the session", async () => {
    const directory = tempDirectory();
    const ttl = (value: session.SessionData): number => ("short" in value ? 90 : 1);
    const store = openStore({ directory, ttl });
    const earliest = Date.now();
    await store.set("a", sessionOf({ short: true }));
    expect(storedExpiry(directory)).toBeGreaterThanOrEqual(earliest + 90_000);
    expect(storedExpiry(directory)).toBeLessThanOrEqual(Date.now() + 90_000);
  });

  it("encryptionKey may be a list: the first encrypts, all decrypt", async () => {
    const directory = tempDirectory();
    const old = openStore({ directory, encryptionKey: "the first key" });
    await old.set("a", sessionOf({ n: 1 }));
    await old.close();
    const both = openStore({ directory, encryptionKey: ["the second key", "the first key"] });
    expect(await both.get("a")).toStrictEqual({ n: 1 });
    await both.set("b", sessionOf({ n: 2 }));
    await both.compact();
    await both.close();
    const young = openStore({ directory, encryptionKey: ["the second key"] });
    expect([await young.get("a"), await young.get("b")]).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it.each([true, false])("disableTouch with isolate %s: touch changes nothing", async (isolate) => {
    const store = openStore({ directory: tempDirectory(), isolate, disableTouch: true });
    const given = { cookie: { expires: new Date(Date.now() + 60_000).toISOString() }, n: 1 };
    await store.set("a", sessionOf(given));
    await store.touch("a", sessionOf({ cookie: { expires: new Date(0) } }));
    expect(await store.get("a")).toStrictEqual(given);
  });

  it("disableTTL: what is stored stays, what has expired is not stored", async () => {
    const store = openStore({ directory: tempDirectory(), disableTTL: true, ttlMs: 1 });
    const expires = new Date(Date.now() + 5);
    await store.set("a", sessionOf({ cookie: { expires } }));
    await store.set("b", sessionOf({ n: 1 }));
    await store.set("c", sessionOf({ n: 2 }));
    await store.set("c", sessionOf({ cookie: { expires: new Date(0) } }));
    await untilTime(expires.getTime() + 5);
    expect((await store.ids()).sort()).toEqual(["a", "b"]);
    expect(await store.get("b")).toStrictEqual({ n: 1 });
  });

  it("serializer: its texts are stored, and what it cannot read is not served", async () => {
    const directory = tempDirectory();
    const serializer = {
      stringify: (value: object) => `<${JSON.stringify(value)}>`,
      parse: (text: string) => JSON.parse(text.slice(1, -1)) as session.SessionData,
    };
    const store = openStore({ directory, serializer });
    await store.set("a", sessionOf({ text: SECRET_BODY }));
    expect(await store.get("a")).toStrictEqual({ text: SECRET_BODY });
    await store.close();

    const unreadable = openStore({
      directory,
      serializer: {
        ...serializer,
        parse() {
          throw new SyntaxError(`no ${SECRET_BODY}`);
        },
      },
    });
    const reports: unknown[] = [];
    unreadable.on("error", (error) => reports.push(error));
    expect(await unreadable.get("a")).toBeNull();
    const report = await until(() => reports[0] ?? false);
    expect(report).toMatchObject({ name: "StoreError", code: "STORE_CORRUPT" });
    expect(inspect(report)).not.toContain(SECRET_BODY);
    await unreadable.close();

    const again = openStore({ directory, serializer });
    expect(await again.get("a")).toStrictEqual({ text: SECRET_BODY });
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error(SECRET_BODY);
      },
    ],
    ["answers no text", () => 1],
    ["answers nothing", () => undefined],
  ])("a serializer that %s: NOT_SERIALIZABLE", async (_, stringify) => {
    const serializer = { stringify: stringify as () => string, parse: JSON.parse };
    const store = openStore({ directory: tempDirectory(), serializer });
    const error: unknown = await store.set("a", sessionOf({})).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "NOT_SERIALIZABLE" });
    expect(inspect(error)).not.toContain(SECRET_BODY);
    expect(await store.length()).toBe(0);
  });

  it("what a toJSON throws is in no error", async () => {
    const store = openStore({ directory: tempDirectory() });
    const session = sessionOf({
      toJSON() {
        throw new Error(SECRET_BODY);
      },
    });
    const error: unknown = await store.set("a", session).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "NOT_SERIALIZABLE" });
    expect(inspect(error)).not.toContain(SECRET_BODY);
  });

  it("a serializer may answer with a frozen object", async () => {
    const serializer = {
      stringify: JSON.stringify,
      parse: (text: string) => Object.freeze(JSON.parse(text) as session.SessionData),
    };
    const store = openStore({ directory: tempDirectory(), serializer });
    await store.set("a", sessionOf({ n: 1 }));
    expect(await store.all()).toStrictEqual([{ id: "a", n: 1 }]);
    await store.touch("a", sessionOf({ cookie: { path: "/" } }));
    expect(await store.get("a")).toStrictEqual({ n: 1, cookie: { path: "/" } });
  });

  it("a serializer may not answer with a promise", async () => {
    const serializer = { stringify: JSON.stringify, parse: () => Promise.resolve({}) };
    const store = openStore({ directory: tempDirectory(), serializer });
    await store.set("a", sessionOf({ n: 1 }));
    await expect(store.get("a")).rejects.toBeInstanceOf(TypeError);
    await expect(store.all()).rejects.toBeInstanceOf(TypeError);
    expect(await store.length()).toBe(1);
  });

  it("maxPendingBytes: past it writes are refused, the others are kept", async () => {
    const directory = tempDirectory();
    const store = openStore({ directory, isolate: true, maxPendingBytes: 10_000 });
    const value = sessionOf({ text: "x".repeat(4_000) });
    const sids = Array.from({ length: 10 }, (_, n) => `sid ${n}`);
    const outcomes = await Promise.allSettled(sids.map((sid) => store.set(sid, value)));
    const kept = sids.filter((_, index) => outcomes[index]?.status === "fulfilled");
    expect(kept.length).toBeGreaterThanOrEqual(1);
    expect(kept.length).toBeLessThan(sids.length);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") {
        expect(outcome.reason).toMatchObject({ code: "STORE_OVERLOADED" });
      }
    }
    expect((await store.ids()).sort()).toEqual(kept);
    // What waited has been written: there is room again.
    await store.set("later", value);
    expect(await store.length()).toBe(kept.length + 1);
  });

  it("debug says what the store does, and no secret, session body or whole session id", async () => {
    const sid = "a-session-id-that-is-nobody-elses-business";
    const program = `
      import LiteNoSQLStore from "express-session-isolate";
      for (const isolate of [true, false]) {
        const store = new LiteNoSQLStore({
          directory: process.env.DIRECTORY, encryptionKey: process.env.KEY, isolate, debug: true,
        });
        await store.set(process.env.SID, { text: process.env.BODY });
        await store.get(process.env.SID);
        await store.touch(process.env.SID, { cookie: { path: process.env.BODY } });
        await store.compact();
        await store.destroy(process.env.SID);
        await store.close();
      }`;
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", program],
      { env: { ...process.env, DIRECTORY: tempDirectory(), KEY, SID: sid, BODY: SECRET_BODY } },
    );
    expect(stdout).toBe("");
    expect(stderr).not.toBe("");
    for (const secret of [KEY, SECRET_BODY, sid]) expect(stderr).not.toContain(secret);
  });
});

describe("refused at once, by name", () => {
  it.each([[undefined], [null], [""], ["data"], [1], [[]]])("no options object: %j", (options) => {
    expect(refusal(options)).toBeInstanceOf(TypeError);
  });

  it("no directory", () => {
    const error = refusal({});
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain("directory");
  });

  it.each([
    ["Directory", "directory"],
    ["directry", "directory"],
    ["Pasta", "pasta"],
    ["pastas", "pasta"],
    ["colection", "collection"],
    ["coleção", "colecao"],
    ["durabel", "durable"],
    ["mododuravel", "modoDuravel"],
    ["wallimit", "walLimit"],
    ["limiteWal", "limiteWAL"],
    ["tll", "ttl"],
    ["ttlms", "ttlMs"],
    ["gcIntervall", "gcInterval"],
    ["intervaloLimpeza", "intervaloLimpezaMs"],
    ["compactAfterGC", "compactAfterGc"],
    ["encriptionKey", "encryptionKey"],
    ["chaveEncryptacao", "chaveEncriptacao"],
    ["isolated", "isolate"],
    ["disableTtl", "disableTTL"],
    ["disabletouch", "disableTouch"],
    ["serialiser", "serializer"],
    ["maxPendingByte", "maxPendingBytes"],
  ])("unknown option %s: did you mean %s?", (misspelt, meant) => {
    const directory = join(tempDirectory(), "data");
    const error = refusal({ directory, [misspelt]: 1 });
    expect(error).toBeInstanceOf(TypeError);
    // Of all names of options in the message, the one that is meant comes first.
    const words = (error as Error).message.match(/[\p{L}]+/gu) ?? [];
    expect(words).toContain(misspelt);
    expect(words.find((word) => OPTIONS.includes(word))).toBe(meant);
    expect(existsSync(directory)).toBe(false);
  });

  it.each(["url", "dir", "x", "prefix"])("an option that is like none is named: %s", (name) => {
    const error = refusal({ directory: join(tempDirectory(), "data"), [name]: "redis" });
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(`"${name}"`);
    expect((error as Error).message).not.toContain("did you mean");
  });

  const noString = [1, true, null, {}, ["data"]];
  const noBoolean = ["true", "false", 1, 0, null, {}];
  const noNumber = ["60", true, null, {}, [60], 60n];
  const noLength = [-1, NaN, Infinity, -Infinity];

  it.each<[string, readonly unknown[]]>([
    ["directory", [...noString, ""]],
    ["pasta", [...noString, ""]],
    [
      "collection",
      [...noString, "", ".hidden", "..", "a/b", "a\\b", "a b", "coleção", "a\0b", "a\n"],
    ],
    ["colecao", [...noString, "", ".hidden", "../x"]],
    ["durable", noBoolean],
    ["modoDuravel", noBoolean],
    ["walLimit", [...noNumber, ...noLength, 1.5]],
    ["limiteWAL", [...noNumber, ...noLength]],
    ["ttl", [...noNumber, ...noLength]],
    ["ttlMs", [...noNumber, ...noLength, () => 1]],
    ["ttlPadraoMs", [...noNumber, ...noLength]],
    ["gcInterval", [...noNumber, ...noLength, 0]],
    ["intervaloLimpezaMs", [...noNumber, ...noLength, 0]],
    ["compactAfterGc", noBoolean],
    ["compactarAposLimpeza", noBoolean],
    ["debug", noBoolean],
    ["encryptionKey", [1, true, null, {}, "", "2 short", [], [""], [KEY, "2 short"], [1], [[KEY]]]],
    ["chaveEncriptacao", [1, true, null, {}, "", "2 short"]],
    ["isolate", noBoolean],
    ["disableTouch", noBoolean],
    ["disableTTL", noBoolean],
    [
      "serializer",
      [
        null,
        "JSON",
        {},
        () => "",
        { stringify: JSON.stringify },
        { parse: JSON.parse },
        { stringify: "JSON", parse: JSON.parse },
      ],
    ],
    ["maxPendingBytes", [...noNumber, ...noLength, 0, 1.5]],
  ])("%s of a wrong type or range", (option, values) => {
    const directory = join(tempDirectory(), "data");
    const where = ["directory", "pasta"].includes(option) ? {} : { directory };
    for (const value of values) {
      const error = refusal({ ...where, [option]: value });
      const shown = inspect(value);
      expect([TypeError, RangeError], shown).toContain((error as Error | undefined)?.constructor);
      expect((error as Error).message, shown).toContain(option);
    }
    expect(existsSync(directory)).toBe(false);
  });

  it("a key is in no message", () => {
    const directory = join(tempDirectory(), "data");
    const errors = [
      refusal({ directory, encryptionKey: "k3y-no1" }),
      refusal({ directory, encryptionKey: [KEY, "k3y-no1"] }),
      refusal({ directory, encryptionKey: KEY, chaveEncriptacao: KEY }),
      refusal({ directory, encriptionKey: KEY }),
    ];
    for (const error of errors) {
      expect(error).toBeInstanceOf(Error);
      expect((error as Error).message).not.toContain(KEY);
      expect((error as Error).message).not.toContain("k3y-no1");
    }
  });

  it("the class is to be called with new", () => {
    const options = { directory: join(tempDirectory(), "data") };
    expect(() => {
      Reflect.apply(LiteNoSQLStore, undefined, [options]);
    }).toThrow(TypeError);
  });
});
