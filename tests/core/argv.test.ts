import { execFileSync, spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quoteArgv, quoteWord } from "#core";

describe("quoteArgv()", () => {
  it("leaves plain words as they are", () => {
    expect(quoteArgv(["nix-store", "--serve", "/nix/store/x=1"])).toBe("nix-store --serve /nix/store/x=1");
  });

  it("quotes what a shell would change", () => {
    expect(quoteWord("it's")).toBe(String.raw`'it'\''s'`);
    expect(quoteWord("")).toBe("''");
    expect(quoteWord("~root")).toBe("'~root'");
  });

  it.each(["sh", "zsh", "fish"].filter(isThere))("%s takes no word for more than it says", (shell) => {
    const words = [
      "=ls",
      "==",
      "%self",
      "%1",
      "a=~",
      "a%b",
      "x=1",
      "^a",
      "!!",
      "{a,b}",
      "[a]",
      "~",
      "-n",
      "$HOME",
      "*",
      "it's",
    ];
    words.push(String.raw`a\\b`, String.raw`\'`, String.raw`'\\`, String.raw`\n`);
    const line = quoteArgv(["printf", String.raw`%s\n`, ...words]);
    expect(execFileSync(shell, ["-c", line], { encoding: "utf8" })).toBe(`${words.join("\n")}\n`);
  });

  it.each(["zsh", "fish"].filter(isThere))("comes back from %s, quotes and backslashes in any order", (shell) => {
    const word = fc.string({ unit: fc.constantFrom("\\", "'", "a", "n", "=", "%", " "), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(word, { minLength: 20, maxLength: 20 }), (words) => {
        const line = quoteArgv(["printf", String.raw`%s\n`, ...words]);
        expect(execFileSync(shell, ["-c", line], { encoding: "utf8" })).toBe(`${words.join("\n")}\n`);
      }),
      { numRuns: 30 },
    );
  });

  it("comes back from a real shell as it went in, whatever the words", () => {
    const word = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", ""));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
        const line = quoteArgv(["printf", String.raw`%s\0`, ...words]);
        const printed = execFileSync("sh", ["-c", line]).toString("utf8");
        expect(printed.split("\0").slice(0, -1)).toEqual(words.map((text) => Buffer.from(text).toString("utf8")));
      }),
      { numRuns: 60 },
    );
  });
});

function isThere(program: string): boolean {
  return spawnSync(program, ["-c", "exit"]).status === 0;
}
