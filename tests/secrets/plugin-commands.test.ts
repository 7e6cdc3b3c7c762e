import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Card } from "./plugin.ts";
import { installCard } from "./plugin.ts";
import type { Scene } from "./scene.ts";
import { openScene } from "./scene.ts";

const PATH = process.env.PATH;

let scene: Scene;
let card: Card;
let identity = "";
beforeEach(() => {
  scene = openScene();
  card = installCard(scene.folder);
  identity = `${scene.folder}/keys/card`;
  scene.write("keys/card", `${card.identity}\n`);
  process.env.PATH = `${card.folder}:${PATH ?? ""}`;
});
afterEach(() => {
  process.env.PATH = PATH;
  scene[Symbol.dispose]();
});

const NAMES = Array.from({ length: 50 }, (_, index) => `secret-${index}`);

function rules(names: readonly string[], hosts: readonly string[]): void {
  scene.rules({
    admins: { carol: card.recipient },
    hosts: { "web-1": scene.recipient("web-1"), "db-1": scene.recipient("db-1") },
    rules: Object.fromEntries(names.map((name) => [name, hosts])),
  });
}

describe("secrets that a plugin opens", () => {
  it("are rekeyed by one process that opens and one that seals, fifty of them", { timeout: 120_000 }, async () => {
    rules(NAMES, ["web-1"]);
    for (const name of NAMES) await scene.skep(["add", name], { input: name });
    rules(NAMES, ["db-1"]);
    const before = card.started().length;
    expect(await scene.skep(["rekey", "-i", identity])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("50 files encrypted anew\n") as string,
    });
    expect(card.started().slice(before)).toEqual(["identity-v1 in /", "recipient-v1 in /"]);
    expect(await scene.skep(["view", "secret-7", "-i", identity])).toMatchObject({ stdout: "secret-7" });
    expect(await scene.skep(["view", "secret-7", "-i", scene.identity("db-1")])).toMatchObject({ stdout: "secret-7" });
  });

  it("are checked by one process", async () => {
    rules(NAMES.slice(0, 5), []);
    for (const name of NAMES.slice(0, 5)) await scene.skep(["add", name], { input: name });
    const before = card.started().length;
    expect(await scene.skep(["check", "-i", identity])).toMatchObject({
      exitCode: 0,
      stdout: "5 secrets are as the rules say\n",
    });
    expect(card.started().slice(before)).toEqual(["identity-v1 in /"]);
  });

  it("have as many readers as they should, as far as a header tells", async () => {
    rules(["token"], ["web-1"]);
    await scene.skep(["add", "token"], { input: "x" });
    scene.write("secrets/secrets.lock.json", '{"version":1,"secrets":{}}');
    expect(await scene.skep(["status"])).toMatchObject({ stdout: expect.stringContaining("token  ok") as string });
    rules(["token"], ["db-1"]);
    expect(await scene.skep(["status"])).toMatchObject({
      stdout: expect.stringMatching(
        /^token {2}stale {4}host db-1 cannot read it; an unknown key .* can read it/,
      ) as string,
    });
    scene.rules({ admins: { carol: card.recipient, dave: card.keys().recipient }, rules: { token: [] } });
    expect(await scene.skep(["status"])).toMatchObject({
      stdout: expect.stringMatching(/admin carol.*admin dave cannot read it/) as string,
    });
  });

  it("stay as they are when the plugin is gone, and one error says so", async () => {
    rules(["one", "two"], []);
    for (const name of ["one", "two"]) await scene.skep(["add", name], { input: name });
    const before = scene.read("one");
    process.env.PATH = PATH;
    expect(await scene.skep(["rekey", "--all", "-i", identity])).toEqual({
      exitCode: 4,
      stdout: "",
      stderr:
        "skep: error: cannot use age-plugin-card: it is not on PATH [secrets/plugin]\n" +
        "skep: hint: install age-plugin-card; only absolute folders of PATH are searched\n",
    });
    expect(scene.read("one").equals(before)).toBe(true);
  });

  it("may share a file with post-quantum keys when their plugin says so, and else not", async () => {
    const { generateHybridIdentity, identityToRecipient } = await import("age-encryption");
    const strong = await identityToRecipient(await generateHybridIdentity());
    scene.rules({ admins: { carol: card.recipient, dave: strong }, rules: { token: [] } });
    expect(await scene.skep(["add", "token"], { input: "x" })).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining("[secrets/recipients]") as string,
    });
    installCard(scene.folder, { labels: ["postquantum"] }, {});
    expect(await scene.skep(["add", "token"], { input: "x" })).toMatchObject({ exitCode: 0 });
  });
});
