import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { errnoOf, messageOf, Redacted, SkepError } from "#core";

describe("SkepError", () => {
  it("becomes JSON with its code, message, hint, host and the cause's message only", () => {
    const error = new SkepError("store/disk-full", "cannot write", {
      hint: "make room",
      host: "web-1",
      cause: new Error("ENOSPC"),
    });
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: "store/disk-full",
      message: "cannot write",
      hint: "make room",
      host: "web-1",
      cause: "ENOSPC",
    });
  });

  it("leaves out what it was not given", () => {
    expect(new SkepError("cli/usage", "no command").toJSON()).toEqual({ code: "cli/usage", message: "no command" });
  });
});

describe("messageOf() and errnoOf()", () => {
  it("make words of anything thrown", () => {
    expect(messageOf("text")).toBe("text");
    expect(messageOf(new AggregateError([new Error("a"), new Error("b")]))).toBe("a; b");
    expect(errnoOf(Object.assign(new Error("x"), { code: "ENOENT" }))).toBe("ENOENT");
    expect(errnoOf(Object.assign(new Error("x"), { code: 7 }))).toBeUndefined();
  });
});

describe("Redacted", () => {
  it("is nowhere in text made from it, and is there when revealed", () => {
    const secret = new Redacted("poison-4711");
    const printed = [
      String(secret),
      JSON.stringify({ secret }),
      inspect({ secret }),
      inspect(new Error("x", { cause: secret })),
    ];
    for (const text of printed) expect(text).not.toContain("poison-4711");
    expect(printed[0]).toBe("[redacted]");
    expect(secret.reveal()).toBe("poison-4711");
  });
});
