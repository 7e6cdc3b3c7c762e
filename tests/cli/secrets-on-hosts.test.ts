import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { parseRecipient } from "#secrets";
import type { KeptSecrets } from "#activation";
import type { HostStatus } from "../../src/cli/secrets/host-status.ts";
import { describeHost } from "../../src/cli/secrets/host-status.ts";
import type { HostKeys } from "../../src/cli/secrets/retired.ts";
import { describeRetiredKey, judgeRetiredKeys } from "../../src/cli/secrets/retired.ts";
import { sshKeygen } from "../secrets/tools.ts";
import { runSkep } from "./run-skep.ts";
import { useScene } from "./scene.ts";

const HOSTS = ["web-1", "db-1", "cache-1"] as const;
const CONSUMED = {
  "web-1": { "tls/key": {} },
  "db-1": { "db/password": { mode: "0440" }, "db/token": { open: "operator" } },
} as const;

describe("the secrets of hosts", { timeout: 120_000 }, () => {
  const { machine, sshConfigFile, at, write, writeRules, start } = useScene(HOSTS);
  beforeEach(async () => {
    hive();
    rules();
    for (const name of ["tls/key", "db/password", "db/token"]) {
      expect(await skep("secrets", "generate", name)).toMatchObject({ exitCode: 0 });
    }
  });

  const keyOf = (host: string): string => machine(host).target.hostKey;

  function hive(change: Readonly<Record<string, object>> = {}, release = "1"): void {
    const hosts = HOSTS.map((name) => {
      const target = { ...machine(name).target, ...change[name] };
      const secrets = name === "cache-1" ? {} : CONSUMED[name];
      return `${JSON.stringify(name)}: { target: ${JSON.stringify(target)}, secrets: ${JSON.stringify(secrets)}, system: release }`;
    });
    write(
      "hive.ts",
      `import { defineHive, system } from "skep";
       const release = system({ etc: { release: { text: ${JSON.stringify(release)} } } });
       export default defineHive({ hosts: { ${hosts.join(", ")} } });`,
    );
  }
  function rules(keys: Readonly<Record<string, unknown>> = {}): void {
    writeRules({
      hosts: { "web-1": keyOf("web-1"), "db-1": keyOf("db-1"), ...keys },
      rules: { "tls/key": {}, "db/password": {}, "db/token": [] },
    });
  }

  const skep = (...argv: string[]) => skepOf(at("."), ...argv);
  /** Somebody's keys are in their home. */
  const skepOf = (home: string, ...argv: string[]) =>
    start(argv, { stdin: Object.assign(Readable.from([]), { isTTY: true }), env: { HOME: home } }).ended;
  const ssh = (): string[] => ["--ssh-config", sshConfigFile()];
  const status = (on = "*", ...more: string[]) => skep("secrets", "status", "--on", on, ...ssh(), ...more);
  const check = (...more: string[]) => skep("secrets", "check", "--on-host", ...ssh(), ...more);
  const statusOf = async (host: string): Promise<unknown> => {
    const { stdout } = await status(host, "--json");
    return JSON.parse(stdout);
  };
  async function deploy(...goal: string[]): Promise<void> {
    const argv = ["deploy", ...goal, "--quiet", ...ssh()];
    expect(await skep(...argv)).toMatchObject({ exitCode: 0 });
  }

  /** As if the rules named a key that db-1 does not have. */
  async function sealForAnother(): Promise<void> {
    rules({ "db-1": sshKeygen(at("another"), { type: "ed25519" }) });
    await skep("secrets", "generate", "db/password", "--replace");
  }

  it("are missing, then as the repository has them, wait after a reboot, and are stale once it has others", async () => {
    expect(await status()).toEqual({
      exitCode: 0,
      stdout: `\
web-1    missing  none of its secrets is there
                  bring them: skep deploy --on web-1
db-1     missing  none of its secrets is there
                  bring them: skep deploy --on db-1
cache-1  none     it has no secrets
`,
      stderr: "",
    });
    await deploy();
    expect((await status()).stdout).toBe(`\
web-1    ok       generation 1; at boot it opens 1 secret
db-1     ok       generation 1; at boot it opens 1 secret and waits for the operator with db/token
cache-1  none     it has no secrets
`);
    await machine("db-1").reboot();
    await skep("secrets", "generate", "tls/key", "--replace");
    expect((await status("!cache-1")).stdout).toBe(`\
web-1  stale    generation 1; at boot it opens 1 secret
                not what the repository would install: skep deploy secrets --on web-1
db-1   waiting  generation 1; at boot it opens 1 secret and waits for the operator with db/token
                db/token waits for the operator since it was booted: skep deploy secrets --on db-1
`);
    await deploy("secrets", "--on", "db-1");
    expect(await statusOf("db-1")).toMatchObject({ host: "db-1", state: "ok", waiting: [] });
    await skep("secrets", "generate", "db/token", "--replace");
    expect(await statusOf("db-1")).toMatchObject({ state: "stale" });
  });

  it("are told of as JSON, one object a host, without a private key", async () => {
    await deploy("--on", "db-1");
    const { stdout, stderr } = await status("*", "--json");
    const lines = stdout.trimEnd().split("\n");
    expect({ stderr, lines: lines.map((line) => JSON.parse(line) as unknown) }).toEqual({
      stderr: "",
      lines: [
        expect.objectContaining({ host: "web-1", state: "missing", set: "none" }),
        {
          host: "db-1",
          state: "ok",
          generation: 1,
          set: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
          wanted: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
          waiting: [],
          boot: {
            set: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
            opens: ["db/password"],
            waits: ["db/token"],
            isOpened: true,
          },
          retired: [],
        },
        expect.objectContaining({ host: "cache-1", state: "none", wanted: "none" }),
      ],
    });
  });

  it("say which generations still need a retired key, and when none does", async () => {
    await deploy("--on", "web-1");
    const rsa = sshKeygen(join(machine("web-1").root, "etc/ssh/ssh_host_rsa_key"), { type: "rsa", bits: 2048 });
    const { id } = await parseRecipient(keyOf("web-1"));
    rules({ "web-1": { keys: rsa, retired: keyOf("web-1") } });
    expect((await status("web-1")).stdout).toContain(
      "the repository cannot give it its secrets: tls/key is not encrypted to host web-1",
    );
    await skep("secrets", "rekey");
    expect(await statusOf("web-1")).toMatchObject({
      state: "stale",
      retired: [{ key: id, neededBy: [1], maybeNeededBy: [], isInUse: false }],
    });
    hive({}, "2");
    await deploy("--on", "web-1");
    hive({}, "3");
    await deploy("--on", "web-1");
    expect((await status("web-1")).stdout).toBe(`\
web-1  ok       generation 2; at boot it opens 1 secret
                generation 1 still needs the retired key ${id}
`);
    expect(await skep("gc", "--keep", "1", "--on", "web-1", ...ssh())).toMatchObject({ exitCode: 0 });
    expect((await status("web-1")).stdout).toContain(
      `its retired key ${id} is needed by no generation: take it out of secrets.ts, and rekey\n`,
    );
  });

  it("need the retired key for as long as the host has no other", async () => {
    const next = sshKeygen(at("next"), { type: "ed25519" });
    rules({ "web-1": { keys: next, retired: keyOf("web-1") } });
    await skep("secrets", "rekey");
    await deploy("--on", "web-1");
    const { id } = await parseRecipient(keyOf("web-1"));
    expect(await status("web-1")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(
        `its key is still the retired ${id}: put the new one in its place before you take this one out\n`,
      ) as string,
    });
  });

  it("are opened by each host before anything is deployed, and nothing is left there", async () => {
    const { root } = machine("db-1");
    expect(await check()).toEqual({
      exitCode: 0,
      stdout: "3 secrets are as the rules say; 2 hosts can open their own; 1 host has none\n",
      stderr: "",
    });
    expect(readdirSync(join(root, "run/skep/secrets.d"))).toEqual([]);
    expect(readdirSync(join(root, "var/lib"))).toEqual([]);
    expect((await check("--on", "web-1")).stdout).toBe("3 secrets are as the rules say; 1 host can open its own\n");
  });

  it("are checked while a deployment is under way, and neither knows of the other", async () => {
    const [, ...checks] = await Promise.all([deploy(), check(), check("--on", "db-1")]);
    expect(checks.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(await statusOf("db-1")).toMatchObject({ state: "ok", generation: 1 });
  });

  it("fail the check where a host cannot open its own, each by its name", async () => {
    await sealForAnother();
    // Nothing in the repository shows it.
    expect(await skep("secrets", "check")).toMatchObject({ exitCode: 0 });
    const { exitCode, stdout, stderr } = await check();
    expect({ exitCode, stderr }).toEqual({
      exitCode: 4,
      stderr: expect.stringMatching(
        /^skep: error: the check found 1 problem \[secrets\/check\]\nskep: hint: .+\n$/,
      ) as string,
    });
    expect(stdout).toMatch(
      /^error: db-1: db\/password: it cannot be opened with the host's own key: no identity matched any of the recipients$/m,
    );
    const { stdout: json } = await check("--json");
    expect(JSON.parse(json)).toContainEqual(
      expect.objectContaining({ level: "error", host: "db-1", name: "db/password" }),
    );
  });

  it("are checked and shown on the others when one host is away, which is exit code 5", async () => {
    hive({ "web-1": { port: 1 } });
    const checked = await check();
    expect(checked).toMatchObject({
      exitCode: 5,
      stdout: "3 secrets are as the rules say; 1 host can open its own; 1 host has none; 1 host could not be asked\n",
      stderr: expect.stringMatching(/^skep: error: web-1: .*\[ssh\/.*\]\n/) as string,
    });
    const shown = await status();
    expect(shown).toMatchObject({
      exitCode: 5,
      stdout: expect.stringMatching(/^db-1 .*\n.*\ncache-1 /) as string,
      stderr: checked.stderr,
    });
    const [first = ""] = (await status("*", "--json")).stdout.split("\n");
    expect(JSON.parse(first)).toMatchObject({
      host: "web-1",
      error: { code: expect.stringMatching(/^ssh\//) as string },
    });
    await sealForAnother();
    expect(await check()).toMatchObject({ exitCode: 4 });
  });

  it("that the operator opens need a key of the operator's when they are checked", async () => {
    const { exitCode, stdout } = await skepOf("/nowhere", "secrets", "check", "--on-host", "--on", "db-1", ...ssh());
    expect(exitCode).toBe(4);
    expect(stdout).toMatch(/^error: db-1: cannot open db\/token: /m);
    expect((await skepOf("/nowhere", "secrets", "check", "--on-host", "--on", "web-1", ...ssh())).exitCode).toBe(0);
  });
});

describe("options about hosts", () => {
  it.each([
    [["secrets", "check", "--on", "web-1"], "--on is about hosts, and without --on-host none is asked"],
    [["secrets", "check", "-p", "2"], "--parallel is about hosts, and without --on-host none is asked"],
    [["secrets", "status", "--parallel", "2"], "--parallel is about hosts, and without --on none is asked"],
    [["secrets", "status", "--on", "*", "--parallel", "0"], "--parallel takes a whole number from 1 up"],
  ])("skep %s", async (argv, message) => {
    expect(await runSkep(argv)).toEqual({
      exitCode: 2,
      stdout: "",
      stderr: expect.stringContaining(`skep: error: ${message} [cli/usage]\nskep: hint: `) as string,
    });
  });
});

describe("judgeRetiredKeys()", () => {
  const OLD = { kind: "ssh-ed25519", tag: "OLDOLD", id: "SHA256:old", text: "ssh-ed25519 AAAAold" };
  const NEW = { kind: "ssh-rsa", tag: "NEWNEW", id: "SHA256:new", text: "ssh-rsa AAAAnew" };
  const OLD_AGE = { kind: "x25519", tag: undefined, id: "age1old", text: "age1old" };
  const NEW_AGE = { kind: "x25519", tag: undefined, id: "age1new", text: "age1new" };
  const NAMES_OLD = "ssh-ed25519 OLDOLD";
  const NAMES_NEW = "ssh-rsa NEWNEW";

  /** A generation for each list of files, and what each file's header says. */
  function judge(keys: object, generations: readonly (readonly string[])[][], hostKeys: readonly string[] = []) {
    const kept = {
      hostKeys,
      generations: generations.map((files, index) => ({
        number: index + 1,
        set: `set-${index + 1}`,
        secrets: files.map((readers) => ({ readers })),
      })),
    };
    return judgeRetiredKeys(keys as HostKeys, { kept: kept as unknown as KeptSecrets, wanted: undefined });
  }
  const sshKeys = { current: [NEW], retired: [OLD] };

  it.each([
    { files: [[NAMES_OLD, "X25519"]], need: "yes" },
    { files: [[NAMES_OLD, NAMES_NEW]], need: "no" },
    { files: [[NAMES_NEW]], need: "no" },
    { files: [["X25519", "x-grease"]], need: "no" },
    { files: [[]], need: "no" },
    { files: [], need: "no" },
    { files: [[NAMES_NEW], [NAMES_OLD], [NAMES_NEW]], need: "yes" },
    { keys: { current: [NEW], retired: [OLD_AGE] }, files: [["X25519"]], need: "maybe" },
    { keys: { current: [NEW], retired: [OLD_AGE] }, files: [["X25519", NAMES_NEW]], need: "no" },
    { keys: { current: [NEW], retired: [OLD_AGE] }, files: [["ssh-ed25519 OTHERS", "aB-grease"]], need: "no" },
    { keys: { current: [NEW_AGE], retired: [OLD] }, files: [[NAMES_OLD]], need: "yes" },
    { keys: { current: [NEW_AGE], retired: [OLD] }, files: [[NAMES_OLD, "X25519"]], need: "maybe" },
    { keys: { current: [NEW_AGE], retired: [OLD] }, files: [[NAMES_OLD, "X25519"], [NAMES_OLD]], need: "yes" },
    { keys: { current: [], retired: [OLD] }, files: [[NAMES_OLD]], need: "yes" },
  ])("with files $files: $need", ({ keys = sshKeys, files, need }) => {
    const [judged] = judge(keys, [files]);
    expect(judged?.neededBy).toEqual(need === "yes" ? [1] : []);
    expect(judged?.maybeNeededBy).toEqual(need === "maybe" ? [1] : []);
  });

  it("passes over generations with the set that the repository has now", () => {
    const kept = { hostKeys: [], generations: [{ number: 4, set: "now", secrets: [{ readers: [NAMES_OLD] }] }] };
    const [judged] = judgeRetiredKeys({ current: [NEW_AGE], retired: [OLD] } as unknown as HostKeys, {
      kept: kept as unknown as KeptSecrets,
      wanted: "now",
    });
    expect(judged).toMatchObject({ neededBy: [], maybeNeededBy: [] });
  });

  it("says it in words", () => {
    const said = (...args: Parameters<typeof judge>): readonly string[] => judge(...args).flatMap(describeRetiredKey);
    expect(said(sshKeys, [[[NAMES_OLD]], [[NAMES_NEW]], [[NAMES_OLD]]])).toEqual([
      "generations 1, 3 still need the retired key SHA256:old",
    ]);
    expect(said(sshKeys, [[[NAMES_OLD]]], [NEW.text, OLD.text])).toEqual([
      "generation 1 still needs the retired key SHA256:old",
    ]);
    expect(said({ current: [NEW], retired: [OLD_AGE] }, [[["X25519"]], [["X25519"]]])).toEqual([
      "generations 1, 2 may still need the retired key age1old: headers do not name age's own keys",
    ]);
    expect(said(sshKeys, [], [OLD.text])).toEqual([
      "its key is still the retired SHA256:old: put the new one in its place before you take this one out",
    ]);
    expect(said(sshKeys, [[[NAMES_NEW]]])).toEqual([
      "its retired key SHA256:old is needed by no generation: take it out of secrets.ts, and rekey",
    ]);
  });
});

describe("describeHost()", () => {
  const boot = { set: "a", opens: ["one", "two"], waits: [], isOpened: true };
  const status: HostStatus = { state: "ok", generation: 3, set: "a", wanted: "a", waiting: [], boot, retired: [] };
  const say = (change: Partial<HostStatus>, nixos = false): readonly string[] =>
    describeHost({ ...status, ...change }, { host: "web-1", facts: { nixos, running: undefined } });

  it("says what nothing opens at boot, and what to do about it", () => {
    const unopened = { boot: { ...boot, waits: ["token"], isOpened: false } };
    expect(say(unopened, true)).toEqual([
      "generation 3; at boot it waits for the operator with token",
      "nothing opens its secrets when it boots: import skep's nix/module.nix into its configuration",
    ]);
    expect(say(unopened)[1]).toBe(
      "nothing opens its secrets when it boots: skep-secrets.service is not there, or not enabled",
    );
  });

  it("says where the system that boots next has others, or none", () => {
    expect(say({ boot: { ...boot, set: "b" } })).toEqual([
      "generation 3; at boot it opens 2 secrets",
      "the system that boots next has other secrets",
    ]);
    expect(say({ boot: { set: "none", opens: [], waits: [], isOpened: true } })).toEqual([
      "generation 3",
      "the system that boots next has no secrets",
    ]);
  });

  it("says why the repository has none for it", () => {
    const problem = { code: "secrets/missing", message: "there is no one yet" };
    expect(say({ state: "broken", wanted: undefined, problem })).toEqual([
      "generation 3; at boot it opens 2 secrets",
      "the repository cannot give it its secrets: there is no one yet",
    ]);
  });
});
