/** Owns what a guest sends to an owner that does not answer, and what it keeps until then. */
import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import { type Call, Calls } from "../../src/worker/share/calls.js";
import { Credit } from "../../src/worker/share/credit.js";
import { ManualClock } from "../support/manual-clock.js";

const FAR = Date.UTC(2100, 0, 1);
const LARGE = "x".repeat(9 * 1024 * 1024);

function scene() {
  const calls = new Calls(new ManualClock());
  const credit = new Credit();
  const sent: string[] = [];
  const names = new Map<Call, string>();
  return {
    sent,
    /** Makes a call, and sends it if that may be. */
    make: (name: string, method: keyof Engine, items?: readonly unknown[]): Call => {
      const { call } = calls.make(method, items === undefined ? [] : [items]);
      names.set(call, name);
      if (credit.take(call)) sent.push(name);
      return call;
    },
    answer: (call: Call): void => {
      for (const next of credit.give(call.id)) sent.push(names.get(next)!);
    },
  };
}

function sets(...sids: string[]): readonly unknown[] {
  return sids.map((sid) => [sid, LARGE, FAR]);
}

describe("an owner that does not answer", () => {
  it("is sent so many bytes, and the rest when it answers, in order", () => {
    const { sent, make, answer } = scene();
    const first = make("a", "write", sets("a"));
    const second = make("b", "write", sets("b"));
    make("c", "write", sets("c"));
    expect(sent).toEqual(["a"]);
    answer(first);
    expect(sent).toEqual(["a", "b"]);
    answer(second);
    expect(sent).toEqual(["a", "b", "c"]);
  });

  it("is sent one that is larger than all, if no other waits", () => {
    const { sent, make } = scene();
    make("all", "write", sets("a", "b", "c"));
    expect(sent).toEqual(["all"]);
  });

  it("is asked, and told of logouts and touches, meanwhile", () => {
    const { sent, make } = scene();
    make("set", "write", sets("a"));
    make("held", "write", sets("b"));
    make("get", "get", ["c"]);
    make("touch", "touch", [["d", null, FAR]]);
    make("logout", "write", [["e"]]);
    expect(sent).toEqual(["set", "get", "touch", "logout"]);
  });

  it.each<[string, keyof Engine, unknown[] | undefined]>([
    ["a get", "get", ["b"]],
    ["a touch", "touch", [["b", null, FAR]]],
    ["a logout", "write", [["b"]]],
    ["a small set", "write", [["b", "{}", FAR]]],
    ["a listing", "ids", undefined],
    ["a clear", "clear", undefined],
  ])("is not sent %s that what is held back comes before", (name, method, items) => {
    const { sent, make, answer } = scene();
    const first = make("first", "write", sets("a"));
    make("held", "write", sets("b"));
    make(name, method, items);
    make("behind that", "get", ["b"]);
    expect(sent).toEqual(["first"]);
    answer(first);
    expect(sent).toEqual(["first", "held", name, "behind that"]);
  });

  it.each<[string, keyof Engine, unknown[]]>([
    ["clear", "clear", []],
    ["logout of a user", "destroyAllOf", ["a user"]],
  ])("is sent nothing that comes after a %s that is held back", (_, method, args) => {
    const { sent, make, answer } = scene();
    const first = make("first", "write", sets("a"));
    make("held", "write", sets("b"));
    make("all", method, args);
    make("a new session", "write", [["c", "{}", FAR]]);
    make("its get", "get", ["c"]);
    expect(sent).toEqual(["first"]);
    answer(first);
    expect(sent).toEqual(["first", "held", "all", "a new session", "its get"]);
  });
});
