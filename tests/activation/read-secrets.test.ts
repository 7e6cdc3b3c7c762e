import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HostSecret, SecretSet } from "#activation";
import { installSecrets, makeSecretSet, readSecrets, secretSetId, trySecrets } from "#activation";
import type { CommandRunner } from "#core";
import { Redacted } from "#core";
import { parseStorePath } from "#store";
import { localRunner } from "../local-runner.ts";
import { ageKeygen, sshKeygen } from "../secrets/tools.ts";
import { HOST_KEY, holdsSecrets, IDENTITY_PATHS, seal, SHM, use } from "./host-secrets.ts";

const OLD = parseStorePath("/nix/store/0c4x2abc4x2abc4x2abc4x2abc4x2abc-system");
const NEW = parseStorePath("/nix/store/1c4x2abc4x2abc4x2abc4x2abc4x2abc-system");
const BARE = parseStorePath("/nix/store/2c4x2abc4x2abc4x2abc4x2abc4x2abc-system");

const token: HostSecret = {
  use: use("token", { open: "operator" }),
  content: { open: "operator", plaintext: new Redacted(Buffer.from("t0k")), version: "sha256:1" },
};

/** What `age` wrote itself into the header. */
function stanzasOf({ content }: HostSecret): readonly string[] {
  if (content.open !== "host") return [];
  const [header = ""] = Buffer.from(content.ciphertext).toString("latin1").split("\n---", 1);
  return [...header.matchAll(/^-> (\S+ \S+)/gm)].map(([, stanza = ""]) => stanza);
}

describe.skipIf(!holdsSecrets)("a host's secrets", () => {
  let root = "";
  let hostKey = "";
  let otherKey = "";
  const on = (path: string): string => join(root, path);
  const local = (): { runner: CommandRunner; root: string } => ({ runner: localRunner, root });
  beforeEach(() => {
    root = mkdtempSync(`${SHM}/skep-test-`);
    for (const folder of ["etc/ssh", "run/skep/secrets.d", "var/lib", "nix/store", "nix/var/nix/profiles"]) {
      mkdirSync(on(folder), { recursive: true });
    }
    hostKey = sshKeygen(on(HOST_KEY), { type: "ed25519" });
    otherKey = sshKeygen(on("other"), { type: "rsa", bits: 2048 });
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  /** Installs a set and gives it to systems, as the agent does it when it commits. */
  async function commit(set: SecretSet, profile: string, systems: Readonly<Record<number, string>>): Promise<void> {
    await installSecrets(local(), { set, toplevel: OLD, mode: "install" });
    for (const [number, system] of Object.entries(systems)) {
      symlinkSync(`../sets/${set.id}`, on(`var/lib/skep/secrets/systems/${basename(system)}`));
      addGeneration(profile, Number(number), system);
    }
  }
  function addGeneration(profile: string, number: number, system: string): void {
    const link = `${profile}-${number}-link`;
    symlinkSync(system, on(`nix/var/nix/profiles/${link}`));
    rmSync(on(`nix/var/nix/profiles/${profile}`), { force: true });
    symlinkSync(link, on(`nix/var/nix/profiles/${profile}`));
  }
  const tree = (): string => execFileSync("find", [root, "-printf", "%P %y %m %s %l %T@\n"], { encoding: "utf8" });

  it("are read by generation, with whom each file's header names, and nothing is changed", async () => {
    const someone = ageKeygen(on("someone"));
    const before: HostSecret[] = [{ use: use("db/password"), content: seal("1", otherKey, hostKey, someone) }];
    const after: HostSecret[] = [{ use: use("db/password"), content: seal("2", hostKey) }, token];
    const sets = [makeSecretSet(before, IDENTITY_PATHS), makeSecretSet(after, IDENTITY_PATHS)] as const;
    await commit(sets[0], "skep", { 9: OLD });
    addGeneration("skep", 10, BARE);
    await commit(sets[1], "skep", { 11: NEW });
    const [rsa, ed25519, x25519] = stanzasOf(before[0]!);
    expect([rsa, ed25519, x25519].map((stanza) => stanza?.split(" ")[0])).toEqual(["ssh-rsa", "ssh-ed25519", "X25519"]);

    const all = tree();
    expect(await readSecrets(local(), IDENTITY_PATHS)).toEqual({
      openedAtBoot: false,
      hostKeys: [hostKey],
      generations: [
        {
          number: 9,
          system: OLD,
          set: sets[0].id,
          secrets: [{ name: "db/password", open: "host", readers: [rsa, ed25519, "X25519"] }],
        },
        {
          number: 11,
          system: NEW,
          set: sets[1].id,
          secrets: [
            { name: "db/password", open: "host", readers: [ed25519] },
            { name: "token", open: "operator", readers: [] },
          ],
        },
      ],
    });
    expect(tree()).toBe(all);
  });

  it("are read where no tools but busybox's are", async ({ skip }) => {
    const tools = mkdtempSync(join(tmpdir(), "skep-busybox-"));
    if (spawnSync("busybox", ["--install", "-s", tools]).status !== 0) skip();
    const runner: CommandRunner = {
      ...localRunner,
      run: (argv, options) => localRunner.run(["env", "-i", `PATH=${tools}`, ...argv], options),
    };
    const set = makeSecretSet([{ use: use("a"), content: seal("1", hostKey) }], IDENTITY_PATHS);
    await commit(set, "skep", { 1: OLD });
    expect(await readSecrets({ runner, root }, IDENTITY_PATHS)).toEqual(await readSecrets(local(), IDENTITY_PATHS));
    expect((await readSecrets({ runner, root }, IDENTITY_PATHS)).generations[0]?.secrets[0]?.readers).toHaveLength(1);
    rmSync(tools, { recursive: true });
  });

  it("are believed no stanza that comes after the header", async () => {
    const secret = { use: use("a"), content: seal("1", hostKey) };
    const set = makeSecretSet([secret], IDENTITY_PATHS);
    await commit(set, "skep", { 1: OLD });
    const file = on(`var/lib/skep/secrets/sets/${set.id}/0.age`);
    appendFileSync(
      file,
      Buffer.from("\n-> ssh-ed25519 AAAAAA BBBB\n--- mac\n-> X25519 \xff\n\tgeneration\t9\n", "latin1"),
    );
    const { generations } = await readSecrets(local(), IDENTITY_PATHS);
    expect(generations.map(({ secrets }) => secrets)).toEqual([
      [{ name: "a", open: "host", readers: stanzasOf(secret) }],
    ]);
  });

  it("are opened at boot where the unit is there and enabled", async () => {
    const isOpened = async (): Promise<boolean> => (await readSecrets(local(), IDENTITY_PATHS)).openedAtBoot;
    const set = makeSecretSet([{ use: use("a"), content: seal("1", hostKey) }], IDENTITY_PATHS);
    await commit(set, "skep", { 1: OLD });
    const units = on("etc/systemd/system");
    mkdirSync(join(units, "sysinit.target.wants"), { recursive: true });
    writeFileSync(join(units, "skep-secrets.service"), "");
    expect(await isOpened()).toBe(false);
    symlinkSync("../skep-secrets.service", join(units, "sysinit.target.wants/skep-secrets.service"));
    expect(await isOpened()).toBe(true);
    rmSync(on("var/lib/skep/secrets/keeper"));
    expect(await isOpened()).toBe(false);
  });

  it("are those of the system profile on NixOS, whose system has the unit or not", async () => {
    writeFileSync(on("etc/NIXOS"), "");
    const set = makeSecretSet([{ use: use("a"), content: seal("1", hostKey) }], IDENTITY_PATHS);
    await commit(set, "system", { 3: NEW });
    addGeneration("skep", 1, NEW);
    const found = await readSecrets(local(), IDENTITY_PATHS);
    expect(found.generations.map(({ number }) => number)).toEqual([3]);
    expect(found.openedAtBoot).toBe(false);
    mkdirSync(on(`${NEW}/etc/systemd/system`), { recursive: true });
    writeFileSync(on(`${NEW}/etc/systemd/system/skep-secrets.service`), "");
    expect((await readSecrets(local(), IDENTITY_PATHS)).openedAtBoot).toBe(true);
  });

  it("are none on a host that never had any, and an answer that is cut short is no answer", async () => {
    expect(await readSecrets(local(), IDENTITY_PATHS)).toEqual({
      openedAtBoot: false,
      hostKeys: [hostKey],
      generations: [],
    });
    const cut: CommandRunner = {
      ...localRunner,
      run: async (argv, options) => ({ ...(await localRunner.run(argv, options)), stdout: "welcome\n" }),
    };
    await expect(readSecrets({ runner: cut, root }, IDENTITY_PATHS)).rejects.toMatchObject({
      code: "activation/secrets",
      message: expect.stringContaining("cut short") as string,
    });
  });

  describe("when they are tried", () => {
    const tryOn = (set: SecretSet, access = local()) => trySecrets(access, { set, toplevel: OLD });

    it("leave nothing behind, whether they can be opened or not, and every problem is told", async () => {
      await installSecrets(local(), {
        set: makeSecretSet([{ use: use("a"), content: seal("0", hostKey) }], IDENTITY_PATHS),
        toplevel: OLD,
        mode: "install",
      });
      const good = makeSecretSet([{ use: use("a"), content: seal("1", hostKey) }, token], IDENTITY_PATHS);
      const entries = (): string => execFileSync("find", [root, "-printf", "%P %y %m %l\n"], { encoding: "utf8" });
      const all = entries();
      expect(await tryOn(good)).toEqual([]);
      expect(entries()).toBe(all);
      writeFileSync(on("etc/passwd"), "root:x:0:0::/:/bin/sh\n");
      const withPasswd = entries();
      const bad = makeSecretSet(
        [
          { use: use("a"), content: seal("1", otherKey) },
          { use: use("b"), content: seal("1", hostKey) },
          { use: use("c", { owner: "postgres" }), content: seal("1", hostKey) },
        ],
        IDENTITY_PATHS,
      );
      expect(await tryOn(bad)).toMatchObject([
        {
          name: "a",
          what: expect.stringMatching(/^it cannot be opened with the host's own key: no identity/) as string,
        },
        { name: "c", what: "the host has no user postgres, and the system declares none" },
      ]);
      expect(entries()).toBe(withPasswd);
    });

    it("do not stand in the way of an installation under way, and clear away what a killed one left", async () => {
      const running = spawn("sleep", ["60"]);
      const gone = spawnSync("true").pid;
      for (const folder of [
        `.install.${running.pid ?? 0}`,
        `.try.${running.pid ?? 0}`,
        `.install.${gone}`,
        `.try.${gone}`,
      ]) {
        mkdirSync(on(`run/skep/secrets.d/${folder}`));
      }
      const set = makeSecretSet([{ use: use("a"), content: seal("1", hostKey) }], IDENTITY_PATHS);
      expect(await tryOn(set)).toEqual([]);
      expect(readdirSync(on("run/skep/secrets.d")).sort()).toEqual(
        [`.install.${running.pid ?? 0}`, `.try.${running.pid ?? 0}`].sort(),
      );
      running.kill();
    });

    it("may be tried many times at once, and installed meanwhile", async () => {
      const set = makeSecretSet(
        ["a", "b", "c"].map((name) => ({ use: use(name), content: seal(name, hostKey) })),
        IDENTITY_PATHS,
      );
      const tries = Array.from({ length: 4 }, () => tryOn(set));
      const installed = installSecrets(local(), { set, toplevel: OLD, mode: "install" });
      expect(await Promise.all(tries)).toEqual([[], [], [], []]);
      expect((await installed).generation).toBe(1);
      expect(readdirSync(on("run/skep/secrets.d")).sort()).toEqual(["1", "1.manifest"]);
      expect(readFileSync(on("run/skep/secrets.d/1/c"), "utf8")).toBe("c");
    });

    it("need no tmpfs that is there already, and leave none", async ({ skip }) => {
      if (spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", "/run"]).status !== 0) skip();
      const after = on("after");
      // A mount namespace stands for a host that was just booted.
      const host = `mount -t tmpfs none /run && "$@"; code=$?; { grep " /run/skep" /proc/mounts; find /run/skep; } >"${after}"; exit $code`;
      const runner: CommandRunner = {
        ...localRunner,
        run: (argv, options) => localRunner.run(["unshare", "-m", "sh", "-c", host, "host", ...argv], options),
      };
      const set = (to: string): SecretSet =>
        makeSecretSet([{ use: use("a"), content: seal("1", to) }], { identityPaths: [on(HOST_KEY)] });
      expect(await tryOn(set(hostKey), { runner, root: "" })).toEqual([]);
      expect(readFileSync(after, "utf8")).toBe("/run/skep\n");
      expect(await tryOn(set(otherKey), { runner, root: "" })).toHaveLength(1);
      expect(readFileSync(after, "utf8")).toBe("/run/skep\n");
    });
  });

  it("have an id that needs no plaintext", () => {
    const sealed: HostSecret = { use: use("a"), content: seal("1", hostKey) };
    const version = { use: token.use, content: { open: "operator", version: "sha256:1" } } as const;
    expect(secretSetId([sealed, version], IDENTITY_PATHS)).toBe(makeSecretSet([sealed, token], IDENTITY_PATHS).id);
    const other = { ...version, content: { open: "operator", version: "sha256:2" } } as const;
    expect(secretSetId([sealed, other], IDENTITY_PATHS)).not.toBe(makeSecretSet([sealed, token], IDENTITY_PATHS).id);
    expect(secretSetId([], IDENTITY_PATHS)).toBe("none");
  });
});
