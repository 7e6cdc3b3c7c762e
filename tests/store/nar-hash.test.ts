import { describe, expect, it } from "vitest";
import { narHashHex, parseNarHash } from "#store";

const HEX = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const BASE64 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
const BASE32 = "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s";

describe("parseNarHash()", () => {
  it.each([`sha256-${BASE64}`, `sha256:${BASE64}`, BASE64, `sha256:${HEX}`, HEX, `sha256:${BASE32}`, BASE32])(
    "reads %s",
    (text) => {
      expect(parseNarHash(text)).toBe(`sha256-${BASE64}`);
      expect(narHashHex(parseNarHash(text))).toBe(HEX);
    },
  );

  it.each([
    "",
    "sha256-",
    `sha512-${BASE64}`,
    `md5:${HEX}`,
    HEX.slice(1),
    HEX.toUpperCase(),
    BASE64.replace("0=", "1="),
  ])("refuses %j", (text) => {
    expect(() => parseNarHash(text)).toThrow(expect.objectContaining({ code: "store/hash" }) as Error);
  });
});
