import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RulesArguments } from "../../src/cli/secrets/load-rules.ts";
import { loadRepository, loadRepositoryFor } from "../../src/cli/secrets/load-rules.ts";
import { parseHive } from "#hive";
import type { Repository } from "#secrets";
import type { Scene } from "./scene.ts";
import { openScene } from "./scene.ts";

describe("rules and a hive beside them", () => {
  let scene: Scene;
  beforeEach(() => {
    scene = openScene();
  });
  afterEach(() => {
    scene[Symbol.dispose]();
  });

  function rules(secrets: object, more: object = {}): void {
    scene.rules({
      admins: { alice: scene.recipient("alice") },
      hosts: { "web-1": scene.recipient("web-1"), "db-1": scene.recipient("db-1") },
      rules: secrets,
      ...more,
    });
  }
  function hive(hosts: Readonly<Record<string, object>>, path = "hive.ts"): void {
    const entries = Object.entries(hosts).map(
      ([name, settings]) =>
        `${JSON.stringify(name)}: { system: nixos({ flake: "." }), ...${JSON.stringify(settings)} }`,
    );
    scene.write(
      path,
      `import { defineHive, nixos } from "skep";\nexport default defineHive({ hosts: { ${entries.join(", ")} } });\n`,
    );
  }
  const load = (args: RulesArguments = {}, env: NodeJS.ProcessEnv = {}, compareHostKeys = false) =>
    loadRepository(
      { "known-hosts": join(scene.folder, "known_hosts"), ...args },
      {
        cwd: scene.folder,
        env: { PATH: process.env.PATH, ...env },
        stdout: new PassThrough(),
        stderr: new PassThrough(),
      },
      { compareHostKeys },
    );
  const readers = ({ secrets }: Repository): Readonly<Record<string, readonly string[]>> =>
    Object.fromEntries(secrets.map(({ rule }) => [rule.name, rule.readers.map(({ name }) => name)]));

  it("a secret is read by the hosts that consume it, and ls says so", async () => {
    rules({ token: {}, pin: {}, "db/password": ["db-1"] });
    hive({
      "web-1": { secrets: { token: {}, pin: { open: "operator" } } },
      "db-1": { secrets: { token: {}, "db/password": {} } },
    });
    expect((await scene.skep(["ls"])).stdout.trimEnd().split("\n")).toEqual([
      "token        admin alice, host web-1, host db-1",
      "pin          admin alice",
      "db/password  admin alice, host db-1",
    ]);
  });

  it("every consumer that cannot be served is told at once", async () => {
    rules({ token: ["db-1"] });
    hive({ "web-1": { secrets: { token: {}, tokne: {} } } });
    expect(await scene.skep(["status"])).toEqual({
      exitCode: 4,
      stdout: "",
      stderr:
        "skep: error: secrets/secrets.ts is not valid, 2 problems:\n" +
        "  rules.token.hosts: it is consumed by web-1, which may not read it\n" +
        '  rules: there is none for tokne, which is consumed by web-1; did you mean "token"? [secrets/rules]\n',
    });
  });

  it("check warns of readers that consume nothing, where any host consumes anything", async () => {
    rules({ token: ["web-1", "db-1"] });
    await scene.skep(["add", "token"], { input: "x" });
    hive({ "web-1": {}, "db-1": {} });
    expect((await scene.skep(["check"])).stdout).toBe("1 secret is as the rules say\n");
    hive({ "web-1": { secrets: { token: {} } }, "db-1": {} });
    expect((await scene.skep(["check"])).stdout).toBe(
      "warning: rules: db-1 may read token without consuming it\n1 secret is as the rules say\n",
    );
  });

  it("agenix rules are compared by keys", async () => {
    const nix = `{ "token.age".publicKeys = [ "${scene.recipient("alice")}" "${scene.recipient("db-1")}" ]; }`;
    scene.write("secrets/secrets.nix", nix);
    hive({ "web-1": { target: { hostKey: scene.recipient("web-1") }, secrets: { token: {} } } });
    await expect(load()).rejects.toThrow("token: it is consumed by web-1, which may not read it");
    hive({ "db-1": { target: { hostKey: scene.recipient("db-1") }, secrets: { token: {} } } });
    expect((await load()).rules.warnings).toEqual([]);
  });

  it("the hive is that of --hive or SKEP_HIVE, else the nearest above the rules", async () => {
    rules({ token: {} });
    hive({ "web-1": { secrets: { token: {} } } });
    hive({ "db-1": { secrets: { token: {} } } }, "other.ts");
    expect(readers(await load())).toEqual({ token: ["alice", "web-1"] });
    expect(readers(await load({ hive: "other.ts" }))).toEqual({ token: ["alice", "db-1"] });
    expect(readers(await load({}, { SKEP_HIVE: "other.ts" }))).toEqual({ token: ["alice", "db-1"] });
    expect(readers(await load({ secrets: "secrets" }))).toEqual({ token: ["alice", "web-1"] });
    await expect(load({}, { SKEP_HIVE: "gone.ts" })).rejects.toMatchObject({ code: "hive/not-found" });
    await expect(load({ hive: "gone.ts" })).rejects.toMatchObject({ code: "hive/not-found" });
  });

  it("a hive that is wrong is told, and not passed over", async () => {
    rules({ token: {} });
    scene.write("hive.ts", "export default 7;\n");
    await expect(load()).rejects.toMatchObject({ code: "hive/invalid" });
  });

  it("loadRepositoryFor() takes a hive that is loaded already, and the rules beside it", async () => {
    rules({ token: {} });
    scene.write("hive.ts", "throw new Error('it was loaded again');\n");
    const loaded = parseHive(
      {
        hosts: {
          "db-1": { system: { kind: "native", packages: {}, etc: {}, units: {}, hooks: {} }, secrets: { token: {} } },
        },
      },
      { directory: scene.folder },
    );
    const terminal = { cwd: "/", env: {}, stdout: new PassThrough(), stderr: new PassThrough() };
    expect(readers(await loadRepositoryFor(loaded, {}, terminal))).toEqual({ token: ["alice", "db-1"] });
    rmSync(join(scene.folder, "secrets"), { recursive: true });
    await expect(loadRepositoryFor(loaded, {}, terminal)).rejects.toMatchObject({
      code: "secrets/rules-not-found",
      message: expect.stringContaining(`in ${scene.folder}/secrets, beside the hive`) as string,
    });
  });

  describe("a host's key", () => {
    const knownHosts = (...lines: readonly string[]): void => {
      scene.write("known_hosts", lines.map((line) => `${line}\n`).join(""));
    };
    const keyOf = ({ secrets }: Repository, host: string): string | undefined =>
      secrets[0]?.rule.readers.find(({ name }) => name === host)?.recipient.text;
    const plain = (name: string): string => scene.recipient(name).split(" ").slice(0, 2).join(" ");

    it("is the stated one, else the hive's, else that of known_hosts", async () => {
      const secrets = { token: {} };
      hive({ "web-1": { target: { host: "10.0.0.1", port: 2222 }, secrets } });
      rules({ token: {} }, { hosts: {} });
      await expect(load()).rejects.toMatchObject({
        message: expect.stringContaining("no key is known for the host web-1") as string,
        hint: expect.stringContaining("run `ssh HOST` once and compare the fingerprint") as string,
      });
      knownHosts(`[10.0.0.1]:2222 ${plain("known")}`);
      expect(keyOf(await load(), "web-1")).toBe(plain("known"));
      hive({ "web-1": { target: { host: "10.0.0.1", port: 2222, hostKey: plain("hive") }, secrets } });
      expect(keyOf(await load(), "web-1")).toBe(plain("hive"));
      rules({ token: {} }, { hosts: { "web-1": scene.recipient("stated") } });
      expect(keyOf(await load(), "web-1")).toBe(plain("stated"));
    });

    it("is found under its name where there is no hive, hashed too", async () => {
      rules({ token: ["web-1"] }, { hosts: {} });
      knownHosts(`web-1 ${plain("known")}`);
      execFileSync("ssh-keygen", ["-H", "-f", join(scene.folder, "known_hosts")], { stdio: "ignore" });
      expect(readFileSync(join(scene.folder, "known_hosts"), "utf8")).toMatch(/^\|1\|/);
      expect(keyOf(await load(), "web-1")).toBe(plain("known"));
    });

    it("is not taken from known_hosts for a name that the hive does not have", async () => {
      rules({ token: ["web-2"] }, { hosts: {} });
      knownHosts(`web-2 ${plain("known")}`);
      hive({ "web-1": {} });
      await expect(load()).rejects.toThrow("no key is known for the host web-2");
    });

    it("that differs from the hive's or known_hosts's is warned of when they are compared", async () => {
      rules({ token: [] });
      knownHosts(`web-1 ${plain("known")}`);
      hive({ "web-1": {}, "db-1": { target: { hostKey: plain("hive") } } });
      expect((await load()).rules.warnings).toEqual([]);
      const more = "if the host's key changed, put the new one in keys and the old one in retired";
      expect((await load({}, {}, true)).rules.warnings).toEqual([
        `hosts.web-1: known_hosts has another ssh-ed25519 key for it; ${more}`,
        `hosts.db-1: the hive has another ssh-ed25519 key for it; ${more}`,
      ]);
    });
  });

  describe("a secrets file", () => {
    it("may be a promise, or a function that makes one", async () => {
      const definition = `{ admins: { alice: "${scene.recipient("alice")}" }, rules: { token: [] } }`;
      for (const text of [definition, `Promise.resolve(${definition})`, `async () => (${definition})`]) {
        scene.write("secrets/secrets.ts", `export default ${text};\n`);
        expect(readers(await load())).toEqual({ token: ["alice"] });
      }
    });

    it("that throws, or imports what does, is told with the line", async () => {
      scene.write("secrets/keys.ts", "export const keys = {};\n\nthrow new Error('no keys');\n");
      scene.write("secrets/secrets.ts", 'import { keys } from "./keys.ts";\nexport default keys;\n');
      await expect(load()).rejects.toMatchObject({
        code: "secrets/rules",
        message: "cannot load secrets/secrets.ts: secrets/keys.ts:3:7: no keys",
      });
    });

    it("that exports nothing is told so", async () => {
      scene.write("secrets/secrets.ts", "export const rules = {};\n");
      await expect(load()).rejects.toMatchObject({
        code: "secrets/rules",
        message: "secrets/secrets.ts has no default export",
        hint: "end it with: export default defineSecrets({ … })",
      });
    });
  });
});
