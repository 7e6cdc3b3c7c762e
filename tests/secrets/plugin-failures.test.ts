import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Redacted } from "#core";
import type { PluginOptions } from "#secrets";
import { parseIdentities, parseRecipient, sealBytes, usePlugins } from "#secrets";
import type { Card, PluginSettings } from "./plugin.ts";
import { bech32, errorOf, identitiesOf, installCard, installPlugin, open, seal } from "./plugin.ts";
import { sshKeygen } from "./tools.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-plugins-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const insertCard = (settings?: PluginSettings, more?: PluginOptions): Card => installCard(folder, settings, more);

describe("a plugin that fails", () => {
  const QUICK = { timeoutMs: 1_500 };
  type Case = readonly [does: string, settings: PluginOptions & Pick<PluginSettings, "message">, said: RegExp];
  it.each<Case>([
    [
      "die",
      {},
      /^cannot use age-plugin-card: it ended before it was done \(exit code 3\): \[31mno card in the reader$/,
    ],
    ["hang", QUICK, /^cannot use age-plugin-card: it did not answer within 1\.5 s$/],
    ["hang", { timeoutMs: 3_000, message: "touch it" }, /; it last said: touch it$/],
    ["ignore", QUICK, /did not answer within/],
    ["nonsense", {}, /what it says is malformed: its first line is malformed$/],
    ["flood", {}, /what it says is malformed: it is too long$/],
    ["chatter", {}, /it talks and talks, and does not come to an end$/],
    ["error", {}, /it says: no such slot$/],
    ["doubt", {}, /it says: it is torn$/],
    ["another file", {}, /the file key that it gives is malformed$/],
    ["half a key", {}, /the file key that it gives is malformed$/],
    ["twice", {}, /it gives two keys for one file$/],
  ])("and would %s is named with the reason when it opens, and is gone", async (does, { message, ...more }, said) => {
    const card = insertCard({}, more);
    const file = await seal("swordfish", card);
    installPlugin(folder, "card", { does, message });
    const error = await errorOf(open(file, await identitiesOf(card)));
    expect(error.code).toBe("secrets/plugin");
    expect(error.message).toMatch(said);
    expect(processesOf(folder)).toEqual([]);
  });

  it.each([
    ["die", {}, /it ended before it was done \(exit code 3\)/],
    ["hang", QUICK, /did not answer within/],
    ["error", {}, /it says: no such slot$/],
    ["another file", {}, /the stanza that it gives is malformed$/],
    ["too many", {}, /it gives more stanzas than recipients$/],
  ])("and would %s is named with the reason when it seals, and is gone", async (does, more, message) => {
    const error = await errorOf(seal("swordfish", insertCard({ does }, more)));
    expect(error.code).toBe("secrets/plugin");
    expect(error.message).toMatch(message);
    expect(processesOf(folder)).toEqual([]);
  });

  it("and does not end when it is done is ended", async () => {
    const card = insertCard({ does: "stay" });
    expect(await open(await seal("swordfish", card), await identitiesOf(card))).toBe("swordfish");
    expect(processesOf(folder)).toEqual([]);
  });

  it("does not stand in the way of another key", async () => {
    const card = insertCard({ does: "error" });
    const path = join(folder, "locked");
    const bob = await parseRecipient(sshKeygen(path, { type: "ed25519", passphrase: "open sesame" }));
    const file = await sealBytes(Buffer.from("for bob"), [bob]);
    const identities = [
      ...(await identitiesOf(card)),
      ...(await parseIdentities(readFileSync(path, "utf8"), {
        file: path,
        askPassphrase: () => Promise.resolve(new Redacted("open sesame")),
      })),
    ];
    expect(await open(file, identities)).toBe("for bob");
  });

  it("and is interrupted stops with the run", async () => {
    const stop = new AbortController();
    const card = insertCard({}, { signal: stop.signal });
    const file = await seal("swordfish", card);
    installPlugin(folder, "card", { does: "hang" });
    const opening = open(file, await identitiesOf(card));
    setTimeout(() => {
      stop.abort(new Error("interrupted"));
    }, 300);
    await expect(opening).rejects.toThrow("interrupted");
    expect(processesOf(folder)).toEqual([]);
  });
});

describe("where a plugin is looked for", () => {
  it("on PATH, and when it is not there the hint says so", async () => {
    const card = insertCard();
    const error = await errorOf(seal("swordfish", { ...card, options: { path: "/nowhere" } }));
    expect(error).toMatchObject({
      code: "secrets/plugin",
      message: "cannot use age-plugin-card: it is not on PATH",
      hint: "install age-plugin-card; only absolute folders of PATH are searched",
    });
  });

  it("never in the working directory, whatever PATH says", async () => {
    const card = insertCard();
    const here = relative(process.cwd(), card.folder);
    for (const path of [here, `./${here}`, `/nowhere:${here}`, "", ":", "."]) {
      const error = await errorOf(seal("x", { ...card, options: { path } }));
      expect(error.message).toBe("cannot use age-plugin-card: it is not on PATH");
    }
    expect(card.started()).toEqual([]);
    await seal("x", { ...card, options: { path: resolve(here) } });
    expect(card.started()).toHaveLength(1);
  });

  it("never along a path in its name", async () => {
    const evil = installPlugin(folder, "evil");
    mkdirSync(join(folder, "age-plugin-x"));
    for (const name of ["x/../bin-evil/age-plugin-evil", "../evil", "a b", "x\\y", "é"]) {
      const recipient = bech32(`age1${name}`, Buffer.alloc(16));
      expect((await errorOf(parseRecipient(recipient))).code).toBe("secrets/recipient");
      const identity = bech32(`age-plugin-${name}-`, Buffer.alloc(16)).toUpperCase();
      const error = await errorOf(parseIdentities(identity, { file: "x", plugins: usePlugins({ path: folder }) }));
      expect(error.code).toBe("secrets/identity");
    }
    expect(evil.started()).toEqual([]);
  });

  it("not among files that cannot be run", async () => {
    const card = insertCard();
    const empty = join(folder, "empty");
    mkdirSync(join(empty, "age-plugin-card"), { recursive: true });
    const unmarked = join(folder, "unmarked");
    mkdirSync(unmarked);
    writeFileSync(join(unmarked, "age-plugin-card"), "#!/bin/sh\n", { mode: 0o644 });
    await seal("x", { ...card, options: { path: `${empty}:${unmarked}:${card.folder}` } });
    expect(card.started()).toHaveLength(1);
  });
});

/** The processes whose arguments name a path. */
function processesOf(path: string): readonly string[] {
  return readdirSync("/proc")
    .filter((entry) => /^[0-9]+$/.test(entry) && existsSync(`/proc/${entry}/cmdline`))
    .map((entry) => {
      try {
        return readFileSync(`/proc/${entry}/cmdline`, "latin1").replaceAll("\0", " ");
      } catch {
        return "";
      }
    })
    .filter((line) => line.includes(path));
}
