import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeNixBase32, encodeNixBase32 } from "#store";

describe("nixbase32", () => {
  it("writes what nix-hash --to-base32 writes", () => {
    const digest = Buffer.from("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "hex");
    expect(encodeNixBase32(digest)).toBe("1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s");
  });

  it("reads back what it wrote", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        expect(decodeNixBase32(encodeNixBase32(bytes))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it("reads one text only for the same bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("0", "1", "z", "a", "e", "f", "o"), maxLength: 20 }), (text) => {
        const bytes = decodeNixBase32(text);
        if (bytes !== undefined) expect(encodeNixBase32(bytes)).toBe(text);
      }),
    );
  });

  it.each(["e", "0e", "zz", "0", "000", "O0", "00\n"])("refuses %j", (text) => {
    expect(decodeNixBase32(text)).toBeUndefined();
  });
});
