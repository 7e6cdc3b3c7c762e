import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeReader, parseAgenixRules, parseRules } from "#secrets";
import { ageKeygen, sshKeygen } from "./tools.ts";

const haveNix = spawnSync("nix-instantiate", ["--version"]).status === 0;

let folder = "";
const keys: Record<string, string> = {};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-rules-"));
  for (const name of ["alice", "web-1", "db-1"]) {
    keys[name] = sshKeygen(join(folder, name), { type: "ed25519", comment: `${name}@example` });
  }
  keys.bob = ageKeygen(join(folder, "bob"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("parseRules()", () => {
  const parse = (rules: object, consumers?: Record<string, string[]>) =>
    parseRules(
      { admins: { alice: keys.alice }, hosts: { "web-1": keys["web-1"], "db-1": keys["db-1"] }, rules },
      { directory: "/fleet/secrets", file: "secrets.ts", consumers },
    );

  it("gives a secret to the hosts that consume it when its rule names none", async () => {
    const { secrets, warnings } = await parse(
      { token: {}, "db/password": ["db-1"] },
      { token: ["web-1"], "db/password": ["db-1"] },
    );
    expect(secrets.map(({ file, readers }) => [file, readers.map(describeReader)])).toEqual([
      ["/fleet/secrets/token.age", ["admin alice", "host web-1"]],
      ["/fleet/secrets/db/password.age", ["admin alice", "host db-1"]],
    ]);
    expect(warnings).toEqual([]);
  });

  it("refuses a consumer that may not read, and one of a secret without a rule", async () => {
    await expect(parse({ token: ["db-1"] }, { token: ["web-1"], pin: ["db-1"] })).rejects.toThrow(
      "secrets.ts is not valid, 2 problems:\n" +
        "  rules.token.hosts: web-1 consumes it and may not read it\n" +
        "  rules: there is none for pin, which db-1 consumes",
    );
  });

  it("warns of a reader that consumes nothing", async () => {
    const { warnings } = await parse({ token: ["db-1", "web-1"] }, { token: ["web-1"] });
    expect(warnings).toEqual(["db-1 may read token and does not consume it"]);
  });

  it.each(["../token", "/token", "a//b", ".hidden", "a/../b", "", "a\nb"])("refuses %j as a name", async (name) => {
    await expect(parse({ [name]: [] })).rejects.toThrow("a secret's name is a path below the secrets' folder");
  });

  it("takes a name with and without .age for the same", async () => {
    await expect(parse({ token: [], "token.age": [] })).rejects.toThrow("there are two rules for it");
  });

  it.each([undefined, null, "text", [], 7])("refuses %j as rules", async (definition) => {
    await expect(parseRules(definition, { directory: "/", file: "secrets.ts" })).rejects.toMatchObject({
      code: "secrets/rules",
    });
  });
});

describe("parseAgenixRules()", () => {
  const FILES = {
    plain: `{ "a.age".publicKeys = [ ALICE ]; "b.age".publicKeys = [ ALICE BOB ]; }`,
    "let, lists and select": `let users = { alice = ALICE; bob = BOB; }; all = [ users.alice ] ++ hosts; hosts = [ DB ]; in
      { "a.age".publicKeys = all; "b.age" = { publicKeys = [ users.bob ]; armor = true; }; }`,
    "attrValues, inherit and rec": `# a comment
      let alice = ALICE; keys = rec { inherit alice; bob = BOB; both = [ alice bob ]; }; /* another */ in
      { "a.age".publicKeys = keys.both; "b.age".publicKeys = builtins.attrValues { z = DB; y = BOB; }; } //
      { "c.age".publicKeys = (builtins.concatLists [ [ ALICE ] [ BOB ] ]); }`,
  };
  const write = (text: string): string =>
    text
      .replaceAll("ALICE", `"${keys.alice ?? ""}"`)
      .replaceAll("BOB", `"${keys.bob ?? ""}"`)
      .replaceAll("DB", `"${keys["db-1"] ?? ""}"`);

  it.skipIf(!haveNix).each(Object.entries(FILES))("reads what Nix reads: %s", async (_, file) => {
    const text = write(file);
    const path = join(folder, "secrets.nix");
    writeFileSync(path, text);
    const env = { ...process.env, NIX_CONFIG: "build-users-group =\nsubstituters =" };
    const nix = JSON.parse(
      execFileSync("nix-instantiate", ["--eval", "--strict", "--json", path], { env }).toString(),
    ) as Record<string, { publicKeys: string[]; armor?: boolean }>;
    const { secrets } = await parseAgenixRules({ path, text });
    const ours = secrets.map(({ name, readers, armored }) => [
      `${name}.age`,
      readers.map(({ recipient }) => recipient.text),
      armored,
    ]);
    const theirs = Object.entries(nix).map(([name, { publicKeys, armor = false }]) => [
      name,
      publicKeys.map((key) => key.split(" ").slice(0, 2).join(" ")),
      armor,
    ]);
    expect(ours.sort()).toEqual(theirs.sort());
  });

  it("leaves what is beyond it to Nix, and says so where there is none", async () => {
    const text = "with import ./keys.nix; { }";
    await expect(parseAgenixRules({ path: "/r/secrets.nix", text })).rejects.toMatchObject({
      code: "secrets/agenix",
      message: "cannot read /r/secrets.nix: line 1 is beyond what is read here",
    });
    const evaluate = () => Promise.resolve({ "a.age": { publicKeys: [keys.alice] } });
    const { secrets } = await parseAgenixRules({ path: "/r/secrets.nix", text, evaluate });
    expect(secrets.map(({ file, readers }) => [file, readers.map(describeReader)])).toEqual([
      ["/r/a.age", ["key alice@example"]],
    ]);
  });

  it.each([
    'let a = a; in { "x.age".publicKeys = a; }',
    '{ "x.age" = { }; }',
    '{ "x.age".publicKeys = [ ]; }',
    "[ ]",
    "",
  ])("refuses %s", async (text) => {
    await expect(parseAgenixRules({ path: "/r/secrets.nix", text })).rejects.toMatchObject({
      code: expect.stringMatching(/^secrets\/(agenix|rules)$/) as string,
    });
  });
});
