import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { closest, didYouMean, formatBytes, formatDuration, lastLines, parseDuration } from "#core";

describe("parseDuration()", () => {
  it.each([
    ["500ms", 500],
    ["10s", 10_000],
    ["1.5m", 90_000],
    ["1m30s", 90_000],
    ["2h", 7_200_000],
    [250, 250],
  ])("reads %j as %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(["", "10", "s", "10 s", "10s!", "-1s", "1x", -1, Number.NaN])("refuses %j", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe("what people read", () => {
  it.each([
    [420, "0.4 s"],
    [9_960, "10 s"],
    [59_900, "1 min 00 s"],
    [185_000, "3 min 05 s"],
    [3_725_000, "1 h 02 min"],
  ])("formatDuration(%d) is %j", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it.each([
    [0, "0 B"],
    [1_023, "1023 B"],
    [1_536, "1.5 KiB"],
    [1_048_575, "1.0 MiB"],
    [241_172_480, "230 MiB"],
    [5 * 2 ** 40, "5.0 TiB"],
  ])("formatBytes(%d) is %j", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it("formatBytes() never shows a number of four digits and a larger unit's worth", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31 - 1), (bytes) => {
        expect(formatBytes(bytes)).toMatch(/^\d{1,4}(\.\d)? (B|KiB|MiB|GiB)$/);
      }),
    );
  });

  it("lastLines() takes standard error, or standard output where that is empty", () => {
    expect(lastLines({ stdout: "a\nb\n", stderr: "" }, 1)).toBe("b");
    expect(lastLines({ stdout: "a\n", stderr: "x\ny\nz\n" }, 2)).toBe("y\nz");
  });
});

describe("closest()", () => {
  it("finds a mistyped word and nothing far away", () => {
    const hosts = ["web-1", "web-2", "db-1"];
    expect(closest("wbe-1", hosts)).toBe("web-1");
    expect(closest("DB-1", hosts)).toBe("db-1");
    expect(closest("mail", hosts)).toBeUndefined();
    expect(didYouMean("web1", hosts)).toBe('did you mean "web-1"?');
  });
});
