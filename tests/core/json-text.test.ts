import fc from "fast-check";
import { expect, it } from "vitest";
import { jsonText } from "#core";

it("jsonText() is the same value as JSON, in which a terminal finds nothing to obey", () => {
  const texts = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\u009b31m", "\u007f", "a\u2028b\u2029"));
  fc.assert(
    fc.property(fc.dictionary(texts, fc.oneof(texts, fc.array(texts))), (value) => {
      const text = jsonText(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(text).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    }),
  );
  expect(jsonText({ a: "\u009b" }, 2)).toBe('{\n  "a": "\\u009b"\n}');
});
