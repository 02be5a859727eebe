/**
 * Owns the refusal, at once and by name, of options that are misspelt or have a value of the wrong
 * type or range: nothing is made on the disk, and the message shows no key.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import LiteNoSQLStore from "express-session-isolate";
import { describe, expect, it } from "vitest";
import { refusal } from "../../support/opened-store.js";
import { KEY } from "../../support/secrets.js";
import { tempDirectory } from "../../support/temp-dir.js";

const OPTIONS = [
  ["directory", "collection", "durable", "walLimit", "ttl", "ttlMs", "gcInterval"],
  ["pasta", "colecao", "modoDuravel", "limiteWAL", "ttlPadraoMs", "intervaloLimpezaMs"],
  ["compactAfterGc", "compactarAposLimpeza", "encryptionKey", "chaveEncriptacao", "debug"],
  ["isolate", "disableTouch", "disableTTL", "serializer", "maxPendingBytes", "maxPendingMs"],
  ["maxBytes", "resourceLimits", "absoluteTtl", "userOf"],
].flat();

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
    ["maxbytes", "maxBytes"],
    ["resourceLimit", "resourceLimits"],
    ["maxPendingMS", "maxPendingMs"],
    ["absoluteTTL", "absoluteTtl"],
    ["userof", "userOf"],
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

  it.each(["url", "x", "prefix", "client"])("an option that is like none is named: %s", (name) => {
    const error = refusal({ directory: join(tempDirectory(), "data"), [name]: "redis" });
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(`"${name}"`);
    expect((error as Error).message).not.toContain("did you mean");
  });

  it.each([
    ["path", "directory"],
    ["dir", "directory"],
    ["tableName", "collection"],
    ["expiration", "ttlMs"],
    ["checkPeriod", "gcInterval"],
    ["reapInterval", "gcInterval"],
    ["pruneSessionInterval", "gcInterval"],
    ["secret", "encryptionKey"],
    ["encoder", "serializer"],
  ])("another store's option is answered with ours: %s is %s here", (name, ours) => {
    const error = refusal({ directory: join(tempDirectory(), "data"), [name]: 1 });
    expect(error).toBeInstanceOf(TypeError);
    const words = (error as Error).message.match(/[\p{L}]+/gu) ?? [];
    expect(words).toContain(name);
    expect(words.find((word) => OPTIONS.includes(word))).toBe(ours);
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
    ["absoluteTtl", [...noNumber, ...noLength, 0, () => 1]],
    ["userOf", [1, true, null, {}, ["user"], "", ".", "passport.", ".user", "passport..user"]],
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
    ["maxBytes", [...noNumber, ...noLength, 0, 1.5]],
    [
      "resourceLimits",
      [
        ...[1, true, null, "512", [512]],
        ...[{ maxOldSpaceSize: 512 }, { maxOldGenerationSizeMb: "512" }],
        ...noLength.map((size) => ({ maxOldGenerationSizeMb: size })),
        { stackSizeMb: 0 },
      ],
    ],
    ["maxPendingMs", [...noNumber, ...noLength, 0, 99, 1000.5]],
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

  it("limits of a thread where there is none", () => {
    const directory = join(tempDirectory(), "data");
    const resourceLimits = { maxOldGenerationSizeMb: 512 };
    const error = refusal({ directory, isolate: false, resourceLimits });
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain("resourceLimits");
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
