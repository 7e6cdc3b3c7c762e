import { execFileSync } from "node:child_process";
import { createECDH } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Redacted } from "#core";
import type { PluginOptions, PluginPrompts } from "#secrets";
import { openBytes, parseIdentities, parseRecipient, prepareToOpen, sealAll, sealBytes, usePlugins } from "#secrets";
import type { Card, PluginSettings } from "./plugin.ts";
import { answering, bech32, errorOf, identitiesOf, installCard, open, seal } from "./plugin.ts";
import { ageKeygen, haveAge, sshKeygen } from "./tools.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-plugins-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const insertCard = (settings?: PluginSettings, more?: PluginOptions): Card => installCard(folder, settings, more);

describe("a recipient and an identity of a plugin", () => {
  it("open what is sealed for them, beside keys of other kinds", async () => {
    const card = insertCard();
    const path = join(folder, "alice");
    const alice = await parseRecipient(sshKeygen(path, { type: "ed25519" }));
    const recipient = await parseRecipient(card.recipient);
    expect(recipient).toMatchObject({ kind: "plugin", id: card.recipient, tag: undefined });
    const sealed = await sealBytes(Buffer.from("swordfish"), [alice, recipient], { plugins: card.options });
    expect(await open(sealed, await identitiesOf(card))).toBe("swordfish");
    const started = card.started().length;
    const both = [
      ...(await identitiesOf(card)),
      ...(await parseIdentities(readFileSync(path, "utf8"), { file: path })),
    ];
    expect(await open(sealed, both)).toBe("swordfish");
    // A key that needs nobody is tried before anybody is asked to touch something.
    expect(card.started()).toHaveLength(started);
  });

  it("that are another's open nothing", async () => {
    const card = insertCard();
    const other = await identitiesOf({ ...card, ...card.keys() });
    expect(await errorOf(open(await seal("swordfish", card), other))).toMatchObject({ code: "secrets/cannot-open" });
  });

  it("are found in an identity file that is encrypted with a passphrase, too", async () => {
    const card = insertCard();
    const { Encrypter } = await import("age-encryption");
    const encrypter = new Encrypter();
    encrypter.setPassphrase("open sesame");
    encrypter.setScryptWorkFactor(10);
    const locked = Buffer.from(await encrypter.encrypt(`${card.identity}\n`)).toString("latin1");
    const identities = await parseIdentities(locked, {
      file: "card.age",
      plugins: usePlugins(card.options),
      askPassphrase: () => Promise.resolve(new Redacted("open sesame")),
    });
    const files = await Promise.all(["one", "two"].map((text) => seal(text, card)));
    await prepareToOpen(files, identities);
    expect(await Promise.all(files.map((file) => open(file, identities)))).toEqual(["one", "two"]);
    expect(card.started().filter((note) => note.startsWith("identity"))).toHaveLength(1);
  });

  it.each([
    ["a letter of the recipient is wrong", "its checksum is wrong"],
    ["an identity stands in a recipient's place", "an identity stands where a recipient is expected"],
  ])("are refused when %s", async (what, why) => {
    const { recipient, identity } = insertCard();
    const text = what.startsWith("an identity")
      ? identity
      : `${recipient.slice(0, -1)}${recipient.endsWith("q") ? "p" : "q"}`;
    const error = await errorOf(parseRecipient(text));
    expect(error).toMatchObject({ code: "secrets/recipient", message: expect.stringContaining(why) as string });
    expect(JSON.stringify(error)).not.toContain(identity);
  });

  it("are refused when a letter of the identity is wrong, and it is not shown", async () => {
    const { identity } = insertCard();
    const text = `${identity.slice(0, -1)}${identity.endsWith("Q") ? "P" : "Q"}`;
    const error = await errorOf(parseIdentities(text, { file: "card.txt" }));
    expect(error.message).toBe(
      "cannot open secrets with card.txt:1: it is a plugin's identity, and its checksum is wrong",
    );
  });

  it("tag recipients need no plugin to be encrypted to", async () => {
    const key = createECDH("prime256v1");
    key.generateKeys();
    const recipient = await parseRecipient(bech32("age1tag", key.getPublicKey(null, "compressed")));
    expect(recipient).toMatchObject({ kind: "tag", postQuantum: false });
    const sealed = await sealBytes(Buffer.from("swordfish"), [recipient]);
    expect(sealed.toString("latin1")).toContain("-> p256tag ");
  });
});

describe.skipIf(!haveAge)("age and we, with the same plugin", () => {
  it.each([false, true])("it opens what we seal, and we what it seals (armored: %s)", async (armored) => {
    const card = insertCard({ message: "touch it" });
    const path = join(folder, "card.txt");
    writeFileSync(path, `${card.identity}\n`);
    const env = { ...process.env, PATH: `${card.folder}:${process.env.PATH ?? ""}` };
    const age = (args: readonly string[], input: Uint8Array): Buffer =>
      execFileSync("age", args, { input, env, stdio: "pipe" });
    const recipient = await parseRecipient(card.recipient);
    for (const size of [0, 1, 65_536, 200_000]) {
      const plaintext = Buffer.alloc(size, "swordfish");
      const ours = await sealBytes(plaintext, [recipient], { armored, plugins: card.options });
      expect(age(["-d", "-i", path], ours).equals(plaintext)).toBe(true);
      const its = age(["-r", card.recipient, ...(armored ? ["-a"] : [])], plaintext);
      using opened = await openBytes(its, await identitiesOf(card));
      expect(opened.reveal().equals(plaintext)).toBe(true);
    }
  });
});

describe("one process", () => {
  it("seals fifty files, and another opens them, with one PIN", async () => {
    const asked: string[] = [];
    const card = insertCard({ pin: "1234" }, { prompts: answering("1234", asked) });
    const recipients = [await parseRecipient(card.recipient)];
    const texts = Array.from({ length: 50 }, (_, index) => `secret ${index}`);
    const files = await sealAll(
      texts.map((text) => ({ plaintext: Buffer.from(text), recipients })),
      { plugins: card.options },
    );
    const identities = await identitiesOf(card);
    await prepareToOpen(files, identities);
    expect(await Promise.all(files.map((file) => open(file, identities)))).toEqual(texts);
    expect(card.notes()).toEqual(["recipient-v1 in /", "wraps 50 for 1", "identity-v1 in /", "unwraps 50 with 1"]);
    expect(asked).toEqual(["age-plugin-card: secret PIN"]);
  });

  it("serves all identities of its plugin, in however many files they are", async () => {
    const card = insertCard();
    const keys = [card, card.keys()];
    const plugins = usePlugins(card.options);
    const parsed = keys.map(({ identity }, index) => parseIdentities(identity, { file: `card-${index}`, plugins }));
    const identities = (await Promise.all(parsed)).flat();
    const files = await Promise.all(keys.map((key) => seal("swordfish", { ...card, ...key })));
    await prepareToOpen(files, identities);
    for (const file of files) expect(await open(file, identities)).toBe("swordfish");
    expect(card.notes().filter((note) => note.startsWith("unwraps"))).toEqual(["unwraps 2 with 2"]);
  });

  it("is asked for what nobody else opens only", async () => {
    const card = insertCard();
    const path = join(folder, "bob");
    const bob = await parseRecipient(ageKeygen(path));
    const files = [await sealBytes(Buffer.from("for bob"), [bob]), await seal("for the card", card)];
    const identities = [
      ...(await identitiesOf(card)),
      ...(await parseIdentities(readFileSync(path, "utf8"), { file: path })),
    ];
    await prepareToOpen(files, identities);
    expect(await Promise.all(files.map((file) => open(file, identities)))).toEqual(["for bob", "for the card"]);
    expect(card.notes().filter((note) => note.startsWith("unwraps"))).toEqual(["unwraps 1 with 1"]);
  });

  it("hears those together who open at the same time without a word before", async () => {
    const card = insertCard();
    const files = await Promise.all(["one", "two", "three"].map((text) => seal(text, card)));
    const identities = await identitiesOf(card);
    await Promise.all(files.map((file) => open(file, identities)));
    expect(card.started().filter((note) => note.startsWith("identity")).length).toBeLessThanOrEqual(2);
  });

  it("is asked a second time for no file, and after a wrong PIN for none at all", async () => {
    const asked: string[] = [];
    const card = insertCard({ pin: "1234" }, { prompts: answering("4321", asked) });
    const files = await Promise.all(["one", "two"].map((text) => seal(text, card)));
    const identities = await identitiesOf(card);
    for (const file of files) {
      expect(await errorOf(open(file, identities))).toMatchObject({
        code: "secrets/plugin",
        message: "cannot use age-plugin-card: it says: the PIN is wrong [2J",
      });
    }
    expect(asked).toHaveLength(1);
  });
});

describe("what a plugin asks and says", () => {
  it("is answered by the operator", async () => {
    const shown: string[] = [];
    const prompts: PluginPrompts = {
      ...answering("1234", shown),
      confirm: (prompt, { yes, no }) => {
        shown.push(`${prompt}: ${yes} or ${no ?? "nothing"}`);
        return Promise.resolve(no === undefined);
      },
    };
    const card = insertCard({ does: "ask", message: "touch\u0007 it\n\nnow" }, { prompts });
    expect(await open(await seal("swordfish", card), await identitiesOf(card))).toBe("swordfish");
    expect(card.notes().slice(-3)).toEqual(["public: ok - 1234", "confirm: ok no ", "alone: ok yes "]);
    expect(shown.slice(-4)).toEqual([
      "age-plugin-card says touch it now",
      "age-plugin-card: public serial number",
      "plug it in: go on or stop",
      "no way back: fine or nothing",
    ]);
  });

  it("is refused where nobody can be asked, or nobody answers in time", async () => {
    const silent: PluginPrompts = {
      show: () => undefined,
      ask: () => new Promise(() => undefined),
      confirm: () => Promise.reject(new Error("no terminal")),
    };
    for (const more of [{}, { prompts: silent, timeoutMs: 3_000 }]) {
      const card = insertCard({ does: "ask" }, more);
      expect(await open(await seal("swordfish", card), await identitiesOf(card))).toBe("swordfish");
      expect(card.notes().slice(-3)).toEqual(["public: fail - ", "confirm: fail - ", "alone: fail - "]);
    }
  });

  it("is understood however it is cut", async () => {
    const card = insertCard({ does: "drip", message: "x".repeat(100) });
    expect(await open(await seal("swordfish", card), await identitiesOf(card))).toBe("swordfish");
  });

  it("is called unsupported when nobody knows what it is", async () => {
    const card = insertCard({ does: "grease" });
    expect(await open(await seal("swordfish", card), await identitiesOf(card))).toBe("swordfish");
    expect(card.notes().filter((note) => note.startsWith("grease"))).toEqual(Array(2).fill("grease: unsupported"));
  });
});

describe("a plugin's labels", () => {
  it.each([
    { labels: ["postquantum"], with: "post-quantum", may: true },
    { labels: ["postquantum"], with: "classic", may: false },
    { labels: [], with: "post-quantum", may: false },
    { labels: [], with: "classic", may: true },
    { labels: ["b", "a"], with: "classic", may: false },
    { labels: ["b", "a"], with: "nobody", may: true },
  ])("$labels beside $with: $may", async ({ labels, with: other, may }) => {
    const card = insertCard({ labels });
    const { generateHybridIdentity, identityToRecipient } = await import("age-encryption");
    const others = {
      "post-quantum": async () => identityToRecipient(await generateHybridIdentity()),
      classic: () => ageKeygen(join(folder, "classic")),
      nobody: () => undefined,
    };
    const text = await others[other as keyof typeof others]();
    const texts = [card.recipient, ...(text === undefined ? [] : [text])];
    const recipients = await Promise.all(texts.map((one) => parseRecipient(one)));
    const sealed = sealBytes(Buffer.from("x"), recipients, { plugins: card.options });
    if (may) expect(await open(await sealed, await identitiesOf(card))).toBe("x");
    else expect(await errorOf(sealed)).toMatchObject({ code: "secrets/recipients" });
  });
});
