/** Owns what a disk that does not answer in time does to those that ask it, and when that is over. */
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Files, OpenFile } from "../../src/worker/ports/files.js";
import { type NoAnswerError, timedFiles } from "../../src/worker/ports/timed-files.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";

const LIMIT_MS = 1000;

/** Files whose operations take effect when the test lets them. */
class SlowFiles extends MemoryFiles {
  held = false;
  readonly done: string[] = [];
  readonly #waiting: (() => void)[] = [];

  letAll(): void {
    for (const goOn of this.#waiting.splice(0)) goOn();
  }

  override async open(...args: Parameters<Files["open"]>): Promise<OpenFile> {
    const file = await super.open(...args);
    const write = file.write.bind(file);
    const close = file.close.bind(file);
    file.write = (...given) => this.#when("write", () => write(...given));
    file.close = () => this.#when("close", close);
    return this.#when("open", () => Promise.resolve(file));
  }

  override list(path: string): Promise<string[]> {
    return this.#when("list", () => super.list(path));
  }

  async #when<T>(name: string, operation: () => Promise<T>): Promise<T> {
    if (this.held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.done.push(name);
    return operation();
  }
}

async function scene() {
  const clock = new ManualClock();
  const slow = new SlowFiles();
  const files = timedFiles(slow, clock);
  const events: string[] = [];
  files.limit(LIMIT_MS, {
    onStanding: (error: NoAnswerError) => events.push(`stands: ${error.code}`),
    onAnswering: () => events.push("answers"),
  });
  const file = await files.open("/a", "update");
  slow.done.length = 0;
  return { clock, slow, files, file, events };
}

const BYTES = Buffer.from("abc");
const NO_ANSWER = { name: "StoreError", code: "STORE_IO" };

describe("an operation", () => {
  it("that is answered in time is as it is, and leaves no timer", async () => {
    const { clock, slow, file, files, events } = await scene();
    slow.held = true;
    const written = file.write(BYTES, 0);
    await clock.advance(LIMIT_MS - 1);
    slow.letAll();
    await written;
    expect(await file.size()).toBe(3);
    await expect(files.open("/missing", "read")).rejects.toMatchObject({ code: "ENOENT" });
    expect(clock.pending).toBe(0);
    expect(events).toEqual([]);
  });

  it("that is not fails, and so does every other at once until it is", async () => {
    const { clock, slow, file, files, events } = await scene();
    slow.held = true;
    const written = file.write(BYTES, 0);
    const listed = files.list("/");
    const late = expect(written).rejects.toMatchObject(NO_ANSWER);
    const alsoLate = expect(listed).rejects.toMatchObject(NO_ANSWER);
    await clock.advance(LIMIT_MS);
    await Promise.all([late, alsoLate]);
    expect(events).toEqual(["stands: STORE_IO"]);
    await expect(file.size()).rejects.toBe(files.standing);
    await expect(files.rename("/a", "/b")).rejects.toBe(files.standing);
    expect(slow.done).toEqual([]);

    slow.held = false;
    slow.letAll();
    await turn();
    expect(events).toEqual(["stands: STORE_IO", "answers"]);
    expect(files.standing).toBeNull();
    expect(await file.size()).toBe(3);
    expect(clock.pending).toBe(0);
  });

  it("whose answer waits for the thread itself has been answered", async () => {
    const { clock, slow, file, events } = await scene();
    slow.held = true;
    const written = file.write(BYTES, 0);
    // The time is up, and the answer is there, in one turn.
    clock.tick(LIMIT_MS);
    slow.letAll();
    await written;
    expect(events).toEqual([]);
  });

  it("is not limited before there is a limit", async () => {
    const clock = new ManualClock();
    const slow = new SlowFiles();
    slow.held = true;
    const opened = timedFiles(slow, clock).open("/a", "create");
    await clock.advance(3_600_000);
    slow.letAll();
    await opened;
  });
});

describe("a file", () => {
  it("that is opened too late is closed", async () => {
    const { clock, slow, files } = await scene();
    slow.held = true;
    const late = expect(files.open("/b", "create")).rejects.toMatchObject(NO_ANSWER);
    await clock.advance(LIMIT_MS);
    await late;
    slow.held = false;
    slow.letAll();
    await turn();
    expect(slow.done).toEqual(["open", "close"]);
  });

  it("is closed when nothing uses it any more, since its descriptor is used again then", async () => {
    const { clock, slow, file } = await scene();
    slow.held = true;
    const late = expect(file.write(BYTES, 0)).rejects.toMatchObject(NO_ANSWER);
    await clock.advance(LIMIT_MS);
    await late;
    slow.held = false;
    await expect(file.close()).rejects.toMatchObject(NO_ANSWER);
    await turn();
    expect(slow.done).toEqual([]);
    slow.letAll();
    await turn();
    expect(slow.done).toEqual(["write", "close"]);
  });

  it("that takes long to close stops nobody but who waits for it", async () => {
    const { clock, slow, file, files, events } = await scene();
    slow.held = true;
    const late = expect(file.close()).rejects.toMatchObject(NO_ANSWER);
    await clock.advance(LIMIT_MS);
    await late;
    expect(events).toEqual([]);
    expect(files.standing).toBeNull();
  });
});
