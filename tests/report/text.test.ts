import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { useColors } from "#report";
import { plainLine, plainLines } from "../../src/report/text/plain-text.ts";
import { createPaint } from "../../src/report/text/paint.ts";
import { renderSpans, wordSpans, wrapSpans } from "../../src/report/text/spans.ts";
import { cut, padEnd, padStart, widthOf } from "../../src/report/text/width.ts";

const paint = createPaint(false);
const hostile = fc.string({
  unit: fc.oneof(fc.constantFrom("\u001b", "[", "]", "3", "m", "\u0007", "\r"), fc.string()),
});

describe("plainLine()", () => {
  it.each([
    ["colours", "\u001b[1;31mred\u001b[0m", "red"],
    ["a bell after a colour", "\u001b[31mFAILED\u0007", "FAILED"],
    ["titles and links", "\u001b]0;title\u0007a \u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\", "a link"],
    ["a title that never ends", "\u001b]0;text", "0;text"],
    ["one-byte control sequences", "a\u009b2Jb", "ab"],
    ["two-character escapes", "\u001bMa\u001b(Bb\u001b7", "ab"],
    ["half an escape sequence", "a\u001b[", "a"],
    ["a progress line, but for its last state", "10%\r50%\r99%\r\n", "99%"],
    ["tabs and line ends", "a\tb\nc\r\nd\n", "a  b c d"],
    ["text that runs backwards", "a\u202eb\u2066c", "abc"],
  ])("frees text of %s", (_what, text, plain) => {
    expect(plainLine(text)).toBe(plain);
  });

  it("leaves nothing that a terminal would obey, whatever comes", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const line of [plainLine(text), ...plainLines(text)]) expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }),
    );
  });

  it("keeps the letters of all scripts", () => {
    fc.assert(fc.property(fc.stringMatching(/^[\p{L}\p{N}]*$/u), (text) => plainLine(text) === text));
  });
});

describe("width", () => {
  it.each([
    ["web-1", 5],
    ["größe", 5],
    ["e\u0301", 1],
    ["蜂箱", 4],
    ["🐝 ok", 5],
    ["", 0],
  ])("of %s is %i columns", (text, width) => {
    expect(widthOf(text)).toBe(width);
  });

  it("is never more than what text is cut to, and exactly what it is filled up to", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(20), (text, width) => {
        const kept = cut(plainLine(text), width);
        expect(widthOf(kept)).toBeLessThanOrEqual(width);
        expect(widthOf(padEnd(kept, width))).toBe(width);
        expect(widthOf(padStart(kept, width))).toBe(width);
      }),
    );
  });

  it("that is enough leaves text as it is", () => {
    expect(cut("waiting for http :80", 20)).toBe("waiting for http :80");
    expect(cut("waiting for http :80", 19)).toBe("waiting for http...");
    expect(cut("waiting", 3)).toBe("wai");
  });
});

describe("spans", () => {
  it("are cut as one line, and end in no spaces", () => {
    const spans = [{ text: "web-1  " }, { text: "copy  ", style: "cyan" as const }, { text: "50%   " }, { text: "" }];
    expect(renderSpans(spans, { columns: 17, paint })).toBe("web-1  copy  50%");
    expect(renderSpans(spans, { columns: 16, paint })).toBe("web-1  copy  50%");
    expect(renderSpans(spans, { columns: 15, paint })).toBe("web-1  copy  50");
    expect(renderSpans(spans, { columns: 13, paint })).toBe("web-1  copy");
    expect(renderSpans(spans, { columns: 13, paint: createPaint(true) })).toBe("web-1  \u001b[36mcopy\u001b[39m");
  });

  it("wrap between words, every word kept", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,9}$/)), fc.integer({ min: 9, max: 40 }), (words, columns) => {
        const lines = wrapSpans(wordSpans(words.join(" "), "dim"), columns);
        const texts = lines.map((line) => renderSpans(line, { columns, paint }));
        expect(texts.join(" ").split(" ").filter(Boolean)).toEqual(words);
      }),
    );
  });
});

describe("useColors()", () => {
  const terminal = { isTTY: true };
  it.each([
    ["a terminal", terminal, {}, true],
    ["a file", {}, {}, false],
    ["a dumb terminal", terminal, { TERM: "dumb" }, false],
    ["a terminal with NO_COLOR", terminal, { NO_COLOR: "1" }, false],
    ["a terminal with an empty NO_COLOR", terminal, { NO_COLOR: "" }, true],
    ["a file with FORCE_COLOR", {}, { FORCE_COLOR: "1" }, true],
    ["a file with an empty FORCE_COLOR", {}, { FORCE_COLOR: "" }, true],
    ["a terminal with FORCE_COLOR=0", terminal, { FORCE_COLOR: "0" }, false],
    ["a file with both", {}, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
  ])("for %s", (_what, stream, env, expected) => {
    expect(useColors(stream, env)).toBe(expected);
  });
});
