import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Redacted } from "#core";
import type { IdentityOptions } from "#secrets";
import { openBytes, parseIdentities, parseRecipient, sealBytes } from "#secrets";
import { haveAge, sshKeygen } from "./tools.ts";

let folder = "";
let recipient = "";
let other = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-pem-"));
  recipient = sshKeygen(join(folder, "key"), { type: "rsa", bits: 2048 });
  other = sshKeygen(join(folder, "other"), { type: "rsa", bits: 2048 });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The same key in another form. */
function convert(form: "PEM" | "PKCS8", passphrase: string): string {
  const path = join(folder, `${form}-${passphrase}`);
  copyFileSync(join(folder, "key"), path);
  execFileSync("ssh-keygen", ["-q", "-p", "-m", form, "-P", "", "-N", passphrase, "-f", path]);
  return path;
}

function parse(path: string, options: Partial<IdentityOptions> = {}): ReturnType<typeof parseIdentities> {
  return parseIdentities(readFileSync(path, "utf8"), { file: path, ...options });
}

async function sealFor(...texts: readonly string[]): Promise<Buffer> {
  return sealBytes(Buffer.from("swordfish"), await Promise.all(texts.map((text) => parseRecipient(text))));
}

const FORMS = [
  ["PEM", "-----BEGIN RSA PRIVATE KEY-----"],
  ["PKCS8", "-----BEGIN PRIVATE KEY-----"],
] as const;

describe.each(FORMS)("an RSA key in the form that ssh-keygen calls %s", (form, start) => {
  it("opens, as it does with age", async () => {
    const path = convert(form, "");
    expect(readFileSync(path, "utf8")).toContain(start);
    const sealed = await sealFor(recipient);
    using opened = await openBytes(sealed, await parse(path));
    expect(opened.reveal().toString()).toBe("swordfish");
    if (haveAge) expect(execFileSync("age", ["-d", "-i", path], { input: sealed }).toString()).toBe("swordfish");
  });

  it("with a passphrase is asked for it once, and only for a file that names the key", async () => {
    const path = convert(form, "open sesame");
    expect(readFileSync(path, "utf8")).toContain("ENCRYPTED");
    const asked: number[] = [];
    const identities = await parse(path, {
      readPublicKey: () => Promise.resolve(`${recipient}\n`),
      askPassphrase: (_what, attempt) => {
        asked.push(attempt);
        return Promise.resolve(new Redacted(attempt === 1 ? "open barley" : "open sesame"));
      },
    });
    await expect(openBytes(await sealFor(other), identities)).rejects.toMatchObject({ code: "secrets/cannot-open" });
    expect(asked).toEqual([]);
    for (const sealed of [await sealFor(recipient), await sealFor(other, recipient)]) {
      using opened = await openBytes(sealed, identities);
      expect(opened.reveal().toString()).toBe("swordfish");
    }
    expect(asked).toEqual([1, 2]);
  });

  it("with a passphrase and without its public half is asked for it when the file has any SSH key", async () => {
    const asked: string[] = [];
    const identities = await parse(convert(form, "open sesame"), {
      askPassphrase: (what) => {
        asked.push(what);
        return Promise.resolve(new Redacted("open sesame"));
      },
    });
    await expect(openBytes(await sealFor(other), identities)).rejects.toMatchObject({ code: "secrets/cannot-open" });
    using opened = await openBytes(await sealFor(recipient), identities);
    expect(opened.reveal().toString()).toBe("swordfish");
    expect(asked).toHaveLength(1);
  });
});

describe("an Ed25519 key in PKCS#8", () => {
  it.each([false, true])("opens (with a passphrase: %s)", async (locked) => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const cipher = locked ? { cipher: "aes-256-cbc", passphrase: "open sesame" } : {};
    const text = privateKey.export({ type: "pkcs8", format: "pem", ...cipher });
    const { x = "" } = publicKey.export({ format: "jwk" });
    const wire = [Buffer.from("ssh-ed25519"), Buffer.from(x, "base64url")].flatMap((part) => [
      Buffer.from([0, 0, 0, part.length]),
      part,
    ]);
    const sealed = await sealFor(`ssh-ed25519 ${Buffer.concat(wire).toString("base64")}`);
    const askPassphrase = () => Promise.resolve(new Redacted("open sesame"));
    using opened = await openBytes(sealed, await parseIdentities(text.toString(), { file: "key.pem", askPassphrase }));
    expect(opened.reveal().toString()).toBe("swordfish");
  });
});

describe("a key in PEM that cannot be used", () => {
  it.each(["sec1", "pkcs8"] as const)("an ECDSA key in %s: it says why", async (type) => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const text = privateKey.export({ type, format: "pem" }).toString();
    await expect(parseIdentities(text, { file: "key.pem" })).rejects.toMatchObject({
      code: "secrets/identity",
      message: "cannot open secrets with key.pem: ECDSA keys sign and cannot decrypt",
    });
  });

  it("one that is cut short: it is malformed", async () => {
    const text = readFileSync(convert("PEM", ""), "utf8");
    await expect(parseIdentities(text.slice(0, 500), { file: "key.pem" })).rejects.toMatchObject({
      code: "secrets/identity",
    });
  });
});
