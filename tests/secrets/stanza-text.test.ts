import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bech32Prefix } from "../../src/secrets/keys/bech32.ts";
import type { Stanza } from "../../src/secrets/age/stanza.ts";
import { formatStanza, StanzaReader } from "../../src/secrets/age/stanza-text.ts";
import { bech32 } from "./plugin.ts";

const argument = fc.stringMatching(/^[\x21-\x7e]{1,70}$/);
const stanza = fc.record({
  args: fc.array(argument, { minLength: 1, maxLength: 5 }),
  body: fc.uint8Array({ maxLength: 200 }),
});

function readAll(text: string, size: number): readonly Stanza[] {
  const bytes = Buffer.from(text, "latin1");
  const reader = new StanzaReader();
  const read: Stanza[] = [];
  for (let at = 0; at < bytes.length; at += size) read.push(...reader.push(bytes.subarray(at, at + size)));
  return read.map(({ args, body }) => ({ args, body: Uint8Array.from(body) }));
}

describe("stanzas as text", () => {
  it("say the same when they are read again, in one piece and byte by byte", () => {
    fc.assert(
      fc.property(fc.array(stanza, { maxLength: 5 }), fc.integer({ min: 1, max: 100 }), (stanzas, size) => {
        const text = stanzas.map(formatStanza).join("");
        expect(readAll(text, text.length + 1)).toEqual(stanzas);
        expect(readAll(text, 1)).toEqual(stanzas);
        expect(readAll(text, size)).toEqual(stanzas);
      }),
    );
  });

  it("are not given out before they are whole", () => {
    fc.assert(
      fc.property(stanza, fc.nat(), (one, at) => {
        const text = formatStanza(one);
        expect(readAll(text.slice(0, at % text.length), 7)).toEqual([]);
      }),
    );
  });

  it("end with a short line, be it an empty one", () => {
    expect(readAll(`-> a\n${"A".repeat(64)}\n`, 5)).toEqual([]);
    expect(readAll(`-> a\n${"A".repeat(64)}\n\n`, 5)).toEqual([{ args: ["a"], body: new Uint8Array(48) }]);
  });

  it.each([
    ["no arrow", "hello\n"],
    ["no argument", "->\n"],
    ["two spaces", "-> a  b\n"],
    ["a space at the end", "-> a \n"],
    ["a character that is not visible", "-> a\x07\n"],
    ["another alphabet", "-> \xe9\n"],
    ["a carriage return", "-> a\r\n"],
    ["base64 with padding", "-> a\nAA==\n"],
    ["base64 that is not canonical", "-> a\nAB\n"],
    ["a body that is not base64", "-> a\n!!!!\n"],
    ["a line that is too long", `-> a\n${"A".repeat(68)}\n`],
    ["no end of line", "x".repeat(300_000)],
    ["no end of body", `-> a\n${`${"A".repeat(64)}\n`.repeat(5_000)}`],
  ])("are refused with %s", (_what, text) => {
    expect(() => readAll(text, 1_000)).toThrow(RangeError);
  });
});

describe("bech32Prefix()", () => {
  it("gives the prefix of what is not mistyped, in either case", () => {
    const prefix = fc.stringMatching(/^[a-z0-9+._-]{1,30}$/);
    fc.assert(
      fc.property(prefix, fc.uint8Array({ maxLength: 100 }), fc.nat(), (name, data, at) => {
        const text = bech32(name, data);
        expect(bech32Prefix(text)).toBe(name);
        expect(bech32Prefix(text.toUpperCase())).toBe(name);
        const index = at % text.length;
        const other = text[index] === "q" ? "p" : "q";
        expect(bech32Prefix(`${text.slice(0, index)}${other}${text.slice(index + 1)}`)).toBeUndefined();
      }),
    );
  });

  it.each(["", "1", "a1", "age1", "no separator", "A1qqqqqq", "age1qqqqqq"])('refuses "%s"', (text) => {
    expect(bech32Prefix(text)).toBeUndefined();
  });

  it.each(["A12UEL5L", "a12uel5l", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "?1ezyfcl"])(
    "knows %s of BIP 173",
    (text) => {
      expect(bech32Prefix(text)).toBe(text.slice(0, text.lastIndexOf("1")).toLowerCase());
    },
  );
});
