import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesPattern, matchesPatternList } from "../../src/ssh/config/host-pattern.ts";

describe("matchesPattern()", () => {
  it("agrees with the regular expression a pattern means", () => {
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", ".", "*", "?"), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (wanted, given) => {
        const source = wanted.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".");
        expect(matchesPattern(wanted, given)).toBe(new RegExp(`^${source}$`).test(given));
      }),
      { numRuns: 2_000 },
    );
  });

  it("is not slowed down by many stars", () => {
    expect(matchesPattern("*a".repeat(2_000), "a".repeat(4_000) + "b")).toBe(false);
  });
});

describe("matchesPatternList()", () => {
  it("needs one pattern that matches and no negated one that does", () => {
    expect(matchesPatternList(["web-*", "!web-9"], "web-1")).toBe(true);
    expect(matchesPatternList(["web-*", "!web-9"], "web-9")).toBe(false);
    expect(matchesPatternList(["!web-9"], "web-1")).toBe(false);
    expect(matchesPatternList([], "web-1")).toBe(false);
  });
});
