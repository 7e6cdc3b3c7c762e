import { describe, expect, it } from "vitest";
import { explainServeEnd } from "../../../src/store/serve/explain-end.ts";

const attempt = "adding web";

describe("explainServeEnd()", () => {
  it("gives the last error Nix printed and nothing from before it", () => {
    const stderr =
      "warning: the group 'nixbld' does not exist\nerror: first\n  more\nerror: second\n       at its place\n";
    expect(explainServeEnd({ attempt, exit: { exitCode: 1 }, stderr }).message).toBe(
      "adding web failed: nix-store --serve ended with exit code 1: error: second at its place",
    );
  });

  it("gives the last lines when none is an error", () => {
    expect(explainServeEnd({ attempt, exit: { exitCode: null, signal: "KILL" }, stderr: "a\nb\nc\nd\n" }).message).toBe(
      "adding web failed: nix-store --serve ended with signal KILL: b c d",
    );
  });

  it.each([
    ["bash: line 1: nix-store: command not found", 127, "store/no-nix"],
    ["sh: 1: nix-store: not found", 127, "store/no-nix"],
    ["", 127, "store/no-nix"],
    ["error: database or disk is full", 1, "store/disk-full"],
    ["sudo: a password is required", 1, "store/ended"],
  ])("tells from %j and exit code %i what kind of end it was", (stderr, exitCode, code) => {
    expect(explainServeEnd({ attempt, exit: { exitCode }, stderr }).code).toBe(code);
  });
});
