/** Owns the verdicts on a journal: what is whole, what is damage, what is a torn tail, whose key. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  type JournalReading,
  readJournal,
} from "../../../src/worker/disk/journal/journal-reader.js";
import { Keyring } from "../../../src/worker/disk/keys/keyring.js";
import { deleteRecord, encodeLine } from "../../../src/worker/disk/journal/record.js";
import { MemoryFiles } from "../../support/memory-files.js";

let keyring: Keyring;
let otherKeyring: Keyring;
beforeAll(async () => {
  keyring = await Keyring.derive(["a key of the test"], Buffer.alloc(32));
  otherKeyring = await Keyring.derive(["another key of the test"], Buffer.alloc(32));
});

async function read(
  content: string | Buffer | null,
  keys: Keyring | null = null,
): Promise<{ reading: JournalReading; ids: string[] }> {
  const files = new MemoryFiles(content === null ? [] : [["/journal", Buffer.from(content)]]);
  const file = content === null ? null : await files.open("/journal", "read");
  const ids: string[] = [];
  const reading = await readJournal(file, keys, (change) => {
    ids.push(change.op === "store" ? change.sid : change.id);
  });
  return { reading, ids };
}

function line(id: string, keys: Keyring | null = null): string {
  return encodeLine(deleteRecord(1, id), keys);
}

/** The bytes of each damaged range. */
function damageIn(content: string, { damage }: JournalReading): string[] {
  return damage.map(({ start, end }) => content.slice(start, end));
}

describe("a journal", () => {
  const [a, b, c] = [line("a"), line("b"), line("c")];
  const flipped = a.replace(/(.)"}$/, (_, digit: string) => `${digit === "0" ? "1" : "0"}"}`);

  it("may be absent or empty", async () => {
    for (const content of [null, ""]) {
      const { reading, ids } = await read(content);
      expect(ids).toEqual([]);
      expect(reading).toMatchObject({ keys: "no-envelopes", length: 0, damage: [] });
    }
  });

  it.each<[string, string, string[], string[]]>([
    ["whole", `${a}\n${b}\n`, ["a", "b"], []],
    ["with empty lines", `\n${a}\n\n \t\n${b}\n`, ["a", "b"], []],
    ["with Windows line breaks", `${a}\r\n${b}\r\n`, ["a", "b"], []],
    ["with NULs between", `${a}\n\0\0\0\n${b}\n`, ["a", "b"], []],
    ["damaged at its start", `x\n${a}\n${b}\n`, ["a", "b"], ["x"]],
    ["damaged in the middle", `${a}\nxyz\n${b}\n`, ["a", "b"], ["xyz"]],
    ["damaged at its end", `${a}\n${b}\nxyz\n`, ["a", "b"], ["xyz"]],
    ["run together", `${a}${b}\n${c}\n`, ["c"], [`${a}${b}`]],
    ["run together with another byte", `${a}J${b}\n${c}\n`, ["c"], [`${a}J${b}`]],
    ["with garbage before a record", `\u0001${a}\n${b}\n`, ["b"], [`\u0001${a}`]],
    ["damaged in lines that follow each other", `x\ny\n${a}\n`, ["a"], ["x\ny"]],
    ["with a flipped checksum", `${flipped}\n${b}\n`, ["b"], [flipped]],
  ])("%s", async (_, content, expected, damaged) => {
    const { reading, ids } = await read(content);
    expect(ids).toEqual(expected);
    expect(damageIn(content, reading)).toEqual(damaged);
    expect(reading).toMatchObject({
      plain: true,
      keys: "no-envelopes",
      length: content.length,
      unterminated: false,
    });
  });

  it.each<[string, string]>([
    ["a torn record", b.slice(0, -5)],
    ["a torn record of one byte", "{"],
    ["a torn envelope", "00112233"],
  ])("with %s at its end is good up to there", async (_, tail) => {
    const whole = `${a}\n`;
    const { reading, ids } = await read(whole + tail);
    expect(ids).toEqual(["a"]);
    expect(reading).toMatchObject({
      damage: [],
      length: whole.length,
      unterminated: false,
    });
  });

  it("whose last line break is damaged has that line set aside: no crash tears it so", async () => {
    const { reading, ids } = await read(`${a}\n${b}\u000b`);
    expect(ids).toEqual(["a"]);
    expect(damageIn(`${a}\n${b}\u000b`, reading)).toEqual([`${b}\u000b`]);
    expect(reading).toMatchObject({ length: a.length + 1, unterminated: false });
  });

  it.each(["xyz", "{}", "\u0001\u0002", "[1]"])(
    "with %j at its end, which no write leaves, has that set aside",
    async (tail) => {
      const { reading, ids } = await read(`${a}\n${tail}`);
      expect(ids).toEqual(["a"]);
      expect(damageIn(`${a}\n${tail}`, reading)).toEqual([tail]);
      expect(reading).toMatchObject({ length: a.length + 1, unterminated: false });
    },
  );

  it("that ends in a whole record without its line break has that record", async () => {
    const content = `${a}\n${b}`;
    const { reading, ids } = await read(content);
    expect(ids).toEqual(["a", "b"]);
    expect(reading).toMatchObject({ length: content.length, unterminated: true });
  });

  it("that a crash extended with NULs is good up to them", async () => {
    const whole = `${a}\n`;
    const { reading, ids } = await read(`${whole}${"\0".repeat(5000)}`);
    expect(ids).toEqual(["a"]);
    expect(reading).toMatchObject({ length: whole.length, damage: [] });
  });
});

describe("an encrypted journal", () => {
  it("is read with its key, and with a list that has it", async () => {
    const content = `${line("a", keyring)}\n${line("b", keyring)}\n`;
    const { reading, ids } = await read(content, keyring);
    expect(ids).toEqual(["a", "b"]);
    expect(reading).toMatchObject({ plain: false, keys: "opened" });
  });

  it("with Windows line breaks is read", async () => {
    const content = `${line("a", keyring)}\r\n${line("bc", keyring)}\r\n`;
    expect((await read(content, keyring)).ids).toEqual(["a", "bc"]);
  });

  it("says that it is sealed where there is no key", async () => {
    for (const end of ["\n", ""]) {
      const { reading, ids } = await read(`${line("a", keyring)}${end}`);
      expect(ids).toEqual([]);
      expect(reading.keys).toBe("missing");
    }
  });

  it.each([1, 2, 5])("of %i lines says that its key is another", async (count) => {
    const content = `${line("a", otherKeyring)}\n`.repeat(count);
    const { reading } = await read(content, keyring);
    expect(reading.keys).toBe(count > 1 ? "wrong" : "doubtful");
  });

  it("that has plaintext before it says so", async () => {
    const { reading, ids } = await read(`${line("a")}\n${line("b", keyring)}\n`, keyring);
    expect(ids).toEqual(["a", "b"]);
    expect(reading).toMatchObject({ plain: true, keys: "opened" });
  });

  it("with two lines in a row under another key says that its key is another", async () => {
    const other = line("a", otherKeyring);
    const own = line("b", keyring);
    expect((await read(`${own}\n${other}\n${other}\n`, keyring)).reading.keys).toBe("wrong");
    expect((await read(`${other}\n${own}\n${other}\n`, keyring)).reading.keys).toBe("opened");
  });

  it("with lines run together loses both, and they are damage", async () => {
    const together = `${line("a", keyring)}${line("b", keyring)}`;
    const content = `${line("x", keyring)}\n${together}\n${line("z", keyring)}\n`;
    const { reading, ids } = await read(content, keyring);
    expect(ids).toEqual(["x", "z"]);
    expect(damageIn(content, reading)).toEqual([together]);
  });

  it.each([0, 1, 2])("sets aside a line with garbage behind padding %i", async (n) => {
    const content = `${line("a".repeat(n + 1), keyring)}\u0001garbage\n`;
    const { reading, ids } = await read(content, keyring);
    expect(ids).toEqual([]);
    expect(damageIn(content, reading)).toEqual([content.trimEnd()]);
  });
});
