import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Header } from "../../src/secrets/age/header-text.ts";
import { formatHeader, headerEnd, isSealedWith, parseHeader } from "../../src/secrets/age/header-text.ts";
import type { Stanza } from "#secrets";
import { openBytes, parseRecipient, sealBytes, SecretsError } from "#secrets";

const stanza = fc.record({
  args: fc.array(fc.stringMatching(/^[\x21-\x7e]{1,70}$/), { minLength: 1, maxLength: 5 }),
  body: fc.uint8Array({ maxLength: 200 }),
});
const fileKey = fc.uint8Array({ minLength: 16, maxLength: 16 });
const PAYLOAD = Buffer.from("-> what follows\n--- is the payload\n");

/** As it is read from the start of a file; undefined where that is no header. */
function read(file: Buffer): Header | undefined {
  try {
    const end = headerEnd(file);
    return end === undefined ? undefined : parseHeader(file.subarray(0, end));
  } catch (error) {
    expect(error).toMatchObject({ code: "secrets/not-age" });
    return undefined;
  }
}

describe("a header", () => {
  it("says what it was made of, ends where the payload starts, and is sealed with its file key alone", () => {
    fc.assert(
      fc.property(fc.array(stanza, { minLength: 1, maxLength: 5 }), fileKey, (stanzas, key) => {
        const header = read(Buffer.concat([formatHeader(stanzas, key), PAYLOAD]));
        if (header === undefined) throw new Error("it is not read");
        expect(header.stanzas.map(({ args, body }) => ({ args, body: Uint8Array.from(body) }))).toEqual(stanzas);
        expect(header.bytes).toEqual(formatHeader(stanzas, key));
        expect(isSealedWith(header, key)).toBe(true);
        expect(isSealedWith(header, randomBytes(16))).toBe(false);
      }),
    );
  });

  it("that was changed anywhere is no header, or is not sealed with its file key", () => {
    fc.assert(
      fc.property(stanza, fileKey, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, key, at, change) => {
        const bytes = formatHeader([one], key);
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ change;
        const header = read(Buffer.concat([bytes, PAYLOAD]));
        expect(header !== undefined && isSealedWith(header, key)).toBe(false);
      }),
    );
  });

  it("that is cut short has no end", () => {
    fc.assert(
      fc.property(stanza, fileKey, fc.nat(), (one, key, at) => {
        const bytes = formatHeader([one], key);
        expect(headerEnd(bytes.subarray(0, at % bytes.length))).toBeUndefined();
      }),
    );
  });

  const good = formatHeader([{ args: ["a"], body: new Uint8Array(0) }], new Uint8Array(16)).toString("latin1");
  const [mac = ""] = good.split("--- ").slice(1);
  it.each([
    ["no stanza", `age-encryption.org/v1\n--- ${mac}`],
    ["another version", good.replace("/v1", "/v2")],
    ["a stanza without its end", good.replace("\n\n---", "\n---")],
    ["a line between its stanzas and its end", good.replace("---", "\n---")],
    ["more before its MAC", good.replace("--- ", "---- ")],
    ["two spaces before its MAC", good.replace("--- ", "---  ")],
    ["no MAC", good.replace(` ${mac}`, "\n")],
    ["a MAC that is too short", good.replace(mac, mac.slice(1))],
    ["a MAC that is too long", good.replace(mac, `A${mac}`)],
    ["a MAC with padding", good.replace(mac, `${mac.trim()}=\n`)],
    ["a MAC that is not canonical", good.replace(mac, `${"A".repeat(42)}B\n`)],
    ["carriage returns", good.replaceAll("\n", "\r\n")],
  ])("is refused with %s", (_, text) => {
    expect(read(Buffer.from(text, "latin1"))).toBeUndefined();
  });

  it("is opened by the first identity that it is for, of whatever kind, and no other is asked", async () => {
    const age = await import("age-encryption");
    const text = await age.generateIdentity();
    const stranger = await age.generateIdentity();
    const recipient = await parseRecipient(await age.identityToRecipient(text));
    const wrap = (key: Uint8Array): Stanza => ({ args: ["plain"], body: Buffer.from(key) });
    const file = await sealBytes(Buffer.from("swordfish"), [recipient, { wrap, postQuantum: false }]);
    const plain = { unwrap: (stanzas: readonly Stanza[]) => stanzas.find(({ args }) => args[0] === "plain")?.body };
    const broken = {
      unwrap: (): undefined => {
        throw new SecretsError("secrets/plugin", "it is not plugged in");
      },
    };
    for (const identities of [
      [{ unwrap: text }, broken],
      [{ unwrap: stranger }, plain, broken],
    ]) {
      using opened = await openBytes(file, identities);
      expect(opened.reveal().toString()).toBe("swordfish");
    }
    await expect(openBytes(file, [broken, { unwrap: text }])).rejects.toMatchObject({ code: "secrets/plugin" });
    await expect(openBytes(file, [{ unwrap: stranger }])).rejects.toMatchObject({ code: "secrets/cannot-open" });
  });

  it("whose stanza gives another file key than it was made with is damaged", async () => {
    const wrap = (key: Uint8Array): Stanza => ({ args: ["plain"], body: Buffer.from(key) });
    const file = await sealBytes(Buffer.from("swordfish"), [{ wrap, postQuantum: false }]);
    const openWith = (change: (body: Uint8Array) => Uint8Array): Promise<string> =>
      openBytes(file, [{ unwrap: ([only]) => only && change(only.body) }]).then(
        (plaintext) => plaintext.reveal().toString(),
        (error: unknown) => (error instanceof SecretsError ? error.code : String(error)),
      );
    expect(await openWith((body) => body)).toBe("swordfish");
    expect(await openWith((body) => Uint8Array.from(body).reverse())).toBe("secrets/damaged");
    expect(await openWith((body) => body.subarray(1))).toBe("secrets/damaged");
  });

  it("with a file key of another length is damaged, though it is sealed with it", async () => {
    const key = Buffer.alloc(17, 1);
    const file = Buffer.concat([formatHeader([{ args: ["plain"], body: key }], key), PAYLOAD]);
    await expect(openBytes(file, [{ unwrap: () => key }])).rejects.toMatchObject({
      code: "secrets/damaged",
      message: expect.stringContaining("file key is of the wrong length") as string,
    });
  });
});
