import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Consumers, ParseRulesOptions, Rules } from "#secrets";
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
  keys.rsa = sshKeygen(join(folder, "rsa"), { type: "rsa", bits: 2048 });
  keys.ecdsa = sshKeygen(join(folder, "ecdsa"), { type: "ecdsa" });
  keys.bob = ageKeygen(join(folder, "bob"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("parseRules()", () => {
  /** `"host"`, and `"host (operator)"` where the operator opens it. */
  const consumersOf = (uses: Readonly<Record<string, readonly string[]>>): Consumers =>
    Object.entries(uses).flatMap(([secret, hosts]) =>
      hosts.map((text) => {
        const [host = "", by] = text.split(" ");
        return { secret, host, open: by === undefined ? "host" : "operator" } as const;
      }),
    );
  const parse = (rules: object, uses?: Record<string, string[]>, more: Partial<ParseRulesOptions> = {}) =>
    parseRules(
      { admins: { alice: keys.alice }, hosts: { "web-1": keys["web-1"], "db-1": keys["db-1"] }, rules },
      { directory: "/fleet/secrets", file: "secrets.ts", consumers: uses && consumersOf(uses), ...more },
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
        "  rules.token.hosts: it is consumed by web-1, which may not read it\n" +
        "  rules: there is none for pin, which is consumed by db-1",
    );
  });

  it("warns of a reader that consumes nothing", async () => {
    const { warnings } = await parse({ token: ["db-1", "web-1"] }, { token: ["web-1"] });
    expect(warnings).toEqual(["db-1 may read token without consuming it"]);
  });

  it("suggests the rule that a consumed secret may mean", async () => {
    await expect(parse({ "db/password": ["db-1"] }, { "db/pasword": ["db-1"] })).rejects.toThrow(
      'there is none for db/pasword, which is consumed by db-1; did you mean "db/password"?',
    );
  });

  it("gives nothing to a host that the operator opens it for, and warns of a rule that does", async () => {
    const { secrets, warnings } = await parse(
      { token: {}, pin: ["db-1", "web-1"] },
      { token: ["web-1 (operator)", "db-1"], pin: ["db-1", "web-1 (operator)"] },
    );
    expect(secrets.map(({ readers }) => readers.map(describeReader))).toEqual([
      ["admin alice", "host db-1"],
      ["admin alice", "host db-1", "host web-1"],
    ]);
    expect(warnings).toEqual(["web-1 may read pin, which the operator opens there and no host should be able to"]);
  });

  it("is not confused by hosts and secrets that are called what every object has", async () => {
    const { secrets, warnings } = await parse({ constructor: {}, valueOf: [] }, { constructor: ["web-1"] });
    expect(secrets.map(({ name, readers }) => [name, readers.map(describeReader)])).toEqual([
      ["constructor", ["admin alice", "host web-1"]],
      ["valueOf", ["admin alice"]],
    ]);
    expect(warnings).toEqual([]);
    await expect(parse({ token: ["toString"] })).rejects.toThrow("no key is known for the host toString");
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

describe("parseRules() and keys known elsewhere", () => {
  const parse = (
    known: Readonly<Record<string, readonly string[]>>,
    {
      hosts = {},
      rules = { token: ["web-1"] },
      ...more
    }: { hosts?: object; rules?: object } & Partial<ParseRulesOptions> = {},
  ) =>
    parseRules(
      { admins: { alice: keys.alice }, hosts, rules },
      {
        directory: "/fleet/secrets",
        file: "secrets.ts",
        hostKeys: (names) => {
          asked.push(...names);
          const found = names.flatMap((name) => {
            const [from = "", ...list] = known[name] ?? [];
            return from === "" ? [] : [[name, { from, keys: list }] as const];
          });
          return Promise.resolve(new Map(found));
        },
        ...more,
      },
    );
  let asked: string[] = [];
  beforeEach(() => {
    asked = [];
  });
  const readersOf = ({ secrets }: Rules): readonly string[] =>
    secrets.flatMap(({ readers }) => readers.map((reader) => `${reader.name} ${reader.recipient.kind}`));
  const key = (name: string): string => keys[name] ?? "";

  it("takes what is not stated, Ed25519 before RSA", async () => {
    const rules = await parse({ "web-1": ["known_hosts", key("rsa"), key("web-1")] });
    expect(readersOf(rules)).toEqual(["alice ssh-ed25519", "web-1 ssh-ed25519"]);
    expect(readersOf(await parse({ "web-1": ["known_hosts", key("rsa")] }))).toEqual([
      "alice ssh-ed25519",
      "web-1 ssh-rsa",
    ]);
  });

  it("asks for hosts that a rule, a group or a consumer speaks of and the file does not state", async () => {
    const consumers = [
      { secret: "token", host: "db-1", open: "host" },
      { secret: "token", host: "edge-1", open: "operator" },
    ] as const;
    await parse(
      { "db-1": ["the hive", key("db-1")] },
      { hosts: { "web-1": keys["web-1"] }, rules: { token: {} }, consumers },
    );
    expect(asked).toEqual(["db-1"]);
    asked = [];
    await parse({}, { hosts: { "web-1": keys["web-1"] } });
    expect(asked).toEqual([]);
  });

  it("says all the places where a key may come from, and no way to fetch one blindly", async () => {
    const error: unknown = await parse({}).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: "secrets.ts is not valid, 1 problem:\n  rules.token.hosts: no key is known for the host web-1",
      hint:
        "state a host's key under hosts in the secrets file, or as hostKey of its target in the hive, " +
        "or run `ssh HOST` once and compare the fingerprint it shows, so that known_hosts has the key",
    });
  });

  it("does not choose between two keys of one type", async () => {
    await expect(parse({ "web-1": ["known_hosts", key("web-1"), key("db-1")] })).rejects.toThrow(
      "hosts.web-1: known_hosts has 2 ssh-ed25519 keys for it: state here which is the right one",
    );
    const twice = await parse({ "web-1": ["known_hosts", key("web-1"), `${key("web-1")} again`] });
    expect(readersOf(twice)).toEqual(["alice ssh-ed25519", "web-1 ssh-ed25519"]);
  });

  it("tells why a key that cannot decrypt cannot be used", async () => {
    await expect(parse({ "web-1": ["the hive", key("ecdsa")] })).rejects.toThrow(/hosts\.web-1: .*ecdsa/i);
  });

  it.each([
    ["another key", "db-1", "web-1", true],
    ["the same", "web-1", "web-1", false],
    ["one of another type", "rsa", "web-1", false],
  ])("compares a stated key with the known one when asked to: %s", async (_what, known, stated, differs) => {
    const hosts = { "web-1": keys[stated] };
    const elsewhere = { "web-1": ["known_hosts", key(known)] };
    expect((await parse(elsewhere, { hosts })).warnings).toEqual([]);
    expect(asked).toEqual([]);
    const { warnings } = await parse(elsewhere, { hosts, compareHostKeys: true });
    const warning =
      "hosts.web-1: known_hosts has another ssh-ed25519 key for it; " +
      "if the host's key changed, put the new one in keys and the old one in retired";
    expect(warnings).toEqual(differs ? [warning] : []);
  });

  it("warns of no key that is stated as retired", async () => {
    const hosts = { "web-1": { keys: keys["web-1"], retired: keys["db-1"] } };
    const elsewhere = { "web-1": ["known_hosts", key("db-1")] };
    expect((await parse(elsewhere, { hosts, compareHostKeys: true })).warnings).toEqual([]);
    const ofAnotherType = { "web-1": { keys: keys.rsa, retired: keys["web-1"] } };
    expect((await parse(elsewhere, { hosts: ofAnotherType, compareHostKeys: true })).warnings).toEqual([]);
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
  // All at once: a key may have the name of another in it.
  const write = (text: string): string =>
    text.replace(/ALICE|BOB|DB/g, (name) => `"${keys[name === "DB" ? "db-1" : name.toLowerCase()] ?? ""}"`);

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

  describe("tells hosts by their keys", () => {
    const rules = (uses: readonly [secret: string, host: string, open?: "operator"][], known: object) =>
      parseAgenixRules({
        path: "/r/secrets.nix",
        text: write('{ "a.age".publicKeys = [ ALICE DB ]; "b.age".publicKeys = [ ALICE ]; }'),
        consumers: uses.map(([secret, host, open]) => ({ secret, host, open: open ?? ("host" as const) })),
        hosts: ["db-1", "web-1"],
        hostKeys: () => Promise.resolve(new Map(Object.entries(known).map(([host, name]) => [host, knownAs(name)]))),
      });
    const knownAs = (name: unknown) => ({ from: "known_hosts", keys: [`${keys[String(name)] ?? ""} with a comment`] });
    const known = { "db-1": "db-1", "web-1": "web-1" };

    it("a consumer that is among them", async () => {
      expect((await rules([["a", "db-1"]], known)).warnings).toEqual([]);
    });

    it("a consumer that is not, and a secret without a rule", async () => {
      await expect(
        rules(
          [
            ["a", "web-1"],
            ["c", "db-1"],
          ],
          known,
        ),
      ).rejects.toThrow(
        "/r/secrets.nix is not valid, 2 problems:\n" +
          "  a: it is consumed by web-1, which may not read it\n" +
          "  rules: there is none for c, which is consumed by db-1",
      );
    });

    it("a consumer of which no key of that type is known", async () => {
      const warning = "whether web-1, which consumes a, may read it cannot be told: its key is not known";
      const uses = [
        ["a", "db-1"],
        ["a", "web-1"],
      ] as [string, string][];
      expect((await rules(uses, { "db-1": "db-1" })).warnings).toEqual([warning]);
      expect((await rules(uses, { "db-1": "db-1", "web-1": "rsa" })).warnings).toEqual([warning]);
    });

    it("a reader that does not consume, and one that the operator opens it for", async () => {
      expect((await rules([["b", "web-1", "operator"]], known)).warnings).toEqual([
        "db-1 may read a without consuming it",
      ]);
      expect((await rules([["a", "db-1", "operator"]], known)).warnings).toEqual([
        "db-1 may read a, which the operator opens there and no host should be able to",
      ]);
    });
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
