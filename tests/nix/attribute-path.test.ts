import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatAttributePath, parseAttributePath } from "../../src/nix/attribute-path.ts";

describe("parseAttributePath()", () => {
  it.each([
    ["web-1", ["web-1"]],
    ["nixosConfigurations.web-1", ["nixosConfigurations", "web-1"]],
    ['hosts."web-1.example"', ["hosts", "web-1.example"]],
    ['"web-1.example".system', ["web-1.example", "system"]],
    ['hosts.web"-1.ex"ample', ["hosts", "web-1.example"]],
    ["hosts.a b", ["hosts", "a b"]],
  ])("reads %s as Nix's command line does", (text, names) => {
    expect(parseAttributePath(text)).toEqual(names);
  });

  it.each([
    ["", "empty name"],
    [".web", "empty name"],
    ["web.", "empty name"],
    ["web..db", "empty name"],
    ['hosts."web', "not closed"],
  ])("refuses %j", (text, why) => {
    expect(() => parseAttributePath(text)).toThrow(why);
  });

  it("reads back every path that formatAttributePath() writes", () => {
    const name = fc.string({ minLength: 1, unit: "grapheme" }).filter((text) => !text.includes('"'));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), (names) => {
        expect(parseAttributePath(formatAttributePath(names))).toEqual(names);
      }),
    );
  });
});
