import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Redacted } from "#core";
import { createSecretsMask, MASKED } from "../../src/rollout/mask/mask-secrets.ts";

function maskOf(...plaintexts: readonly (string | Uint8Array)[]) {
  const mask = createSecretsMask();
  for (const text of plaintexts) {
    mask.learn({ open: "operator", version: "1", plaintext: new Redacted<Uint8Array>(Buffer.from(text)) });
  }
  return mask;
}

describe("createSecretsMask()", () => {
  it("covers a secret in every text, however deep, and nothing else", () => {
    const mask = maskOf("hunter2\n");
    const event = {
      ...{ type: "host-finished", host: "web-1", at: 3, from: undefined },
      report: {
        notices: ["it said hunter2, hunter2"],
        error: { code: "a/b", message: "no: hunter2!", cause: "hunter" },
      },
    };
    expect(mask.mask(event)).toEqual({
      ...{ type: "host-finished", host: "web-1", at: 3, from: undefined },
      report: {
        notices: [`it said ${MASKED}, ${MASKED}`],
        error: { code: "a/b", message: `no: ${MASKED}!`, cause: "hunter" },
      },
    });
  });

  it("leaves the names of things alone: a secret that is called like a host takes no host away", () => {
    const event = { type: "log", host: "web-1", step: "test", line: "web-1 test" };
    expect(maskOf("web-1", "test").mask(event)).toEqual({ ...event, line: `${MASKED} ${MASKED}` });
  });

  it("knows a file of several lines by each of them, but for what every such file has", () => {
    const mask = maskOf("-----BEGIN KEY-----\nMC4CAQAwBQ\r\n  yDHfUk9Jn==\n-----END KEY-----\n");
    expect(mask.mask("x MC4CAQAwBQ y")).toBe(`x ${MASKED} y`);
    expect(mask.mask("yDHfUk9Jn==")).toBe(MASKED);
    expect(mask.mask("-----BEGIN KEY-----")).toBe("-----BEGIN KEY-----");
  });

  it.each([
    ["PASSWORD=correct-horse", "password is correct-horse"],
    ["export TOKEN='correct-horse'", "bad token correct-horse"],
    ['  "password": "correct-horse",', "correct-horse was refused"],
    ["password: correct-horse", "correct-horse"],
  ])("knows the value in %s", (line, text) => {
    expect(maskOf(`DEBUG=true\n${line}\n`).mask(text)).toBe(text.replace("correct-horse", MASKED));
    expect(maskOf(`DEBUG=true\n${line}\n`).mask("true")).toBe("true");
  });

  it("covers what overlaps, and a secret beside another", () => {
    expect(maskOf("abcdef", "defghi").mask("xabcdefghiy")).toBe(`x${MASKED}y`);
    expect(maskOf("aaaa").mask("aaaaaa b aaaa")).toBe(`${MASKED} b ${MASKED}`);
  });

  it("covers the part of a secret that a long text was cut in, from eight bytes on", () => {
    const mask = maskOf("DEBUG=true\ncorrect-horse-battery\n");
    expect(mask.mask("exit code 1: correct-horse-batter…")).toBe(`exit code 1: ${MASKED}…`);
    expect(mask.mask("tried twice: correct-h…; exit code 2: correct-horse…)")).toBe(
      `tried twice: ${MASKED}…; exit code 2: ${MASKED}…)`,
    );
    expect(mask.mask("it said correct-")).toBe(`it said ${MASKED}`);
    expect(mask.mask("correct… correct-h or not")).toBe("correct… correct-h or not");
  });

  it("knows nothing of what hosts open, and of secrets of fewer than four bytes", () => {
    const mask = maskOf("abc", "\n");
    mask.learn({ open: "host", ciphertext: Buffer.from("ciphertext") });
    expect(mask.mask("abc ciphertext")).toBe("abc ciphertext");
  });

  it("keeps no copy: a plaintext that is overwritten is forgotten", () => {
    const plaintext = Buffer.from("hunter2");
    const mask = createSecretsMask();
    mask.learn({ open: "operator", version: "1", plaintext: new Redacted<Uint8Array>(plaintext) });
    plaintext.fill(0);
    expect(mask.mask("hunter2")).toBe("hunter2");
  });

  it("leaves no secret in any text, whatever is around it, and all text that has none as it was", () => {
    const word = fc
      .string({ unit: "grapheme", minLength: 4, maxLength: 12 })
      .filter((text) => Buffer.byteLength(text.trim()) >= 4);
    const property = fc.property(
      fc.array(word, { minLength: 1, maxLength: 3 }),
      fc.string({ unit: "grapheme" }),
      (words, around) => {
        const secrets = words
          .map((one) => one.trim())
          .filter((one) => !MASKED.includes(one) && !one.startsWith("-----"));
        const mask = maskOf(...secrets);
        const masked = mask.mask(`${around}${secrets.join(around)}${around}`);
        for (const part of masked.split(MASKED)) for (const secret of secrets) expect(part).not.toContain(secret);
        if (!secrets.some((secret) => around.includes(secret)))
          expect(maskOf(...secrets.map((one) => `${one}\n`)).mask(around)).toBe(around);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});
