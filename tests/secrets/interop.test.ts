import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Redacted } from "#core";
import { openBytes, parseIdentities, parseRecipient, sealBytes } from "#secrets";
import { ageKeygen, haveAge, sshKeygen } from "./tools.ts";

const CHUNK = 64 * 1024;
const SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 200_000];

const KINDS = {
  "ssh-ed25519": (path: string) => sshKeygen(path, { type: "ed25519" }),
  "ssh-rsa of 2048 bits": (path: string) => sshKeygen(path, { type: "rsa", bits: 2048 }),
  "ssh-rsa of 3072 bits": (path: string) => sshKeygen(path, { type: "rsa", bits: 3072 }),
  x25519: (path: string) => ageKeygen(path),
};

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-age-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe.skipIf(!haveAge)("age and we", () => {
  describe.each(Object.entries(KINDS))("with %s", (kind, generate) => {
    let path = "";
    let recipient = "";
    beforeAll(() => {
      path = join(folder, kind.replaceAll(" ", "-"));
      recipient = generate(path);
    });

    it.each([false, true])("it opens what we seal (armored: %s)", async (armored) => {
      for (const size of SIZES) {
        const plaintext = randomBytes(size);
        const sealed = await sealBytes(plaintext, [await parseRecipient(recipient)], { armored });
        expect(age(["-d", "-i", path], sealed).equals(plaintext)).toBe(true);
      }
    });

    it.each([false, true])("we open what it seals (armored: %s)", async (armored) => {
      const identities = await parseIdentities(readFileSync(path, "utf8"), { file: path });
      for (const size of SIZES) {
        const plaintext = randomBytes(size);
        const sealed = age(["-r", recipient, ...(armored ? ["-a"] : [])], plaintext);
        using opened = await openBytes(sealed, identities);
        expect(opened.reveal().equals(plaintext)).toBe(true);
      }
    });
  });

  it("a file for several keys opens with each", async () => {
    const paths = Object.keys(KINDS).map((kind) => join(folder, kind.replaceAll(" ", "-")));
    const recipients = await Promise.all(
      paths.map((path) =>
        parseRecipient(path.endsWith("x25519") ? ageRecipient(path) : readFileSync(`${path}.pub`, "utf8")),
      ),
    );
    const sealed = await sealBytes(Buffer.from("swordfish"), recipients);
    for (const path of paths) {
      expect(age(["-d", "-i", path], sealed).toString()).toBe("swordfish");
      using opened = await openBytes(sealed, await parseIdentities(readFileSync(path, "utf8"), { file: path }));
      expect(opened.reveal().toString()).toBe("swordfish");
    }
  });
});

describe.skipIf(!haveAge)("identities with a passphrase", () => {
  it.each([
    { type: "ed25519", cipher: "aes256-ctr" },
    { type: "ed25519", cipher: "aes256-gcm@openssh.com" },
    { type: "rsa", cipher: "aes128-cbc" },
  ] as const)(
    "an OpenSSH $type key sealed with $cipher is opened once, when it is needed",
    async ({ type, cipher }) => {
      const path = join(folder, `locked-${type}-${cipher}`);
      const recipient = sshKeygen(path, { type, passphrase: "open sesame", cipher });
      const other = sshKeygen(`${path}-other`, { type: "ed25519" });
      const asked: number[] = [];
      const identities = await parseIdentities(readFileSync(path, "utf8"), {
        file: path,
        askPassphrase: (_what, attempt) => {
          asked.push(attempt);
          return Promise.resolve(new Redacted(attempt === 1 ? "open barley" : "open sesame"));
        },
      });
      await expect(openBytes(age(["-r", other], "not for us"), identities)).rejects.toMatchObject({
        code: "secrets/cannot-open",
      });
      expect(asked).toEqual([]);
      for (const text of ["one", "two"]) {
        using opened = await openBytes(age(["-r", recipient], text), identities);
        expect(opened.reveal().toString()).toBe(text);
      }
      expect(asked).toEqual([1, 2]);
    },
  );

  it("three wrong passphrases are enough", async () => {
    const path = join(folder, "stubborn");
    const recipient = sshKeygen(path, { type: "ed25519", passphrase: "open sesame" });
    const askPassphrase = () => Promise.resolve(new Redacted("open barley"));
    const identities = await parseIdentities(readFileSync(path, "utf8"), { file: path, askPassphrase });
    await expect(openBytes(age(["-r", recipient], "x"), identities)).rejects.toMatchObject({
      code: "secrets/passphrase",
    });
  });

  it("an age identity file encrypted with a passphrase is opened", async () => {
    const path = join(folder, "plain-identity");
    const recipient = ageKeygen(path);
    const { Encrypter } = await import("age-encryption");
    const encrypter = new Encrypter();
    encrypter.setPassphrase("open sesame");
    encrypter.setScryptWorkFactor(10);
    const locked = Buffer.from(await encrypter.encrypt(readFileSync(path, "utf8")));
    const identities = await parseIdentities(locked.toString("latin1"), {
      file: "identity.age",
      askPassphrase: () => Promise.resolve(new Redacted("open sesame")),
    });
    using opened = await openBytes(age(["-r", recipient], "swordfish"), identities);
    expect(opened.reveal().toString()).toBe("swordfish");
  });
});

describe("keys that cannot be used", () => {
  it.each([
    { type: "ecdsa", bits: 256, why: "ECDSA keys sign and cannot decrypt" },
    { type: "rsa", bits: 1024, why: "it has 1024 bits, and 2048 are the least" },
  ] as const)("$type of $bits bits: $why", async ({ type, bits, why }) => {
    const path = join(folder, `refused-${type}`);
    const recipient = sshKeygen(path, { type, bits });
    await expect(parseRecipient(recipient)).rejects.toThrow(why);
    if (type === "ecdsa") {
      await expect(parseIdentities(readFileSync(path, "utf8"), { file: path })).rejects.toThrow(why);
    }
  });

  it.each([
    ["sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t", "a security key signs and cannot decrypt"],
    ["ssh-ed25519-cert-v01@openssh.com AAAA", "it is a certificate, not a key"],
    [`ssh-ed25519 ${wire("ssh-ed25519", Buffer.alloc(32, 2))}`, "it is not the key that it says it is"],
    ["age1yubikey1qwertyuiop", "its checksum is wrong"],
    ["age1qqqq", 'cannot encrypt to "age1qqqq"'],
    ["swordfish", "it is not a recipient"],
  ])("%s: %s", async (text, why) => {
    await expect(parseRecipient(text)).rejects.toMatchObject({
      code: "secrets/recipient",
      message: expect.stringContaining(why) as string,
    });
  });

  it("no word of a private key that stands in a public one's place is shown", async () => {
    const error: unknown = await parseRecipient("AGE-SECRET-KEY-1POISON").catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error)).not.toContain("POISON");
  });
});

describe("sealBytes()", () => {
  it("encrypts to post-quantum keys, and refuses to mix them with others", async () => {
    const { generateHybridIdentity, identityToRecipient } = await import("age-encryption");
    const identity = await generateHybridIdentity();
    const strong = await parseRecipient(await identityToRecipient(identity));
    const weak = await parseRecipient(sshKeygen(join(folder, "weak"), { type: "ed25519" }));
    expect(strong.id).toMatch(/^age1pq1:SHA256:/);
    const sealed = await sealBytes(Buffer.from("swordfish"), [strong]);
    using opened = await openBytes(sealed, await parseIdentities(identity, { file: "pq" }));
    expect(opened.reveal().toString()).toBe("swordfish");
    await expect(sealBytes(Buffer.from("x"), [strong, weak])).rejects.toThrow("as weak as the weaker");
  });

  it("refuses to encrypt to nobody", async () => {
    await expect(sealBytes(Buffer.from("x"), [])).rejects.toMatchObject({ code: "secrets/recipients" });
  });
});

function wire(type: string, key: Buffer): string {
  const string = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  return Buffer.concat([string(Buffer.from(type)), string(key)]).toString("base64");
}

function ageRecipient(path: string): string {
  return /public key: (\S+)/.exec(readFileSync(path, "utf8"))?.[1] ?? "";
}

function age(args: readonly string[], input: string | Uint8Array): Buffer {
  return execFileSync("age", args, { input, maxBuffer: 1e7 });
}
