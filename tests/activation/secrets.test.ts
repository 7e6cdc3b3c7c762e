import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HostSecret, SecretSet } from "#activation";
import { installSecrets, makeSecretSet, probeHost } from "#activation";
import { Redacted } from "#core";
import { parseStorePath } from "#store";
import { localRunner } from "../local-runner.ts";
import { sshKeygen } from "../secrets/tools.ts";
import { HOST_KEY, holdsSecrets, IDENTITY_PATHS, isTmpfs, seal, SHM, use } from "./host-secrets.ts";

const TOPLEVEL = parseStorePath("/nix/store/0c4x2abc4x2abc4x2abc4x2abc4x2abc-system");

describe.skipIf(!holdsSecrets)("secrets on a host", () => {
  let root = "";
  let hostKey = "";
  beforeEach(() => {
    root = mkdtempSync(`${SHM}/skep-test-`);
    for (const folder of [
      "etc/ssh",
      "run/skep/secrets.d",
      "var/lib",
      `${TOPLEVEL.slice(1)}/bin`,
      "nix/var/nix/profiles",
    ]) {
      mkdirSync(join(root, folder), { recursive: true });
    }
    hostKey = sshKeygen(join(root, HOST_KEY), { type: "ed25519" });
    symlinkSync("skep-1-link", join(root, "nix/var/nix/profiles/skep"));
    symlinkSync(TOPLEVEL, join(root, "nix/var/nix/profiles/skep-1-link"));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  const sealed = (text: string, to = hostKey): HostSecret["content"] => seal(text, to);
  const setOf = (secrets: readonly HostSecret[]): SecretSet => makeSecretSet(secrets, IDENTITY_PATHS);
  const install = (set: SecretSet, mode: "install" | "try" = "install") =>
    installSecrets({ runner: localRunner, root }, { set, toplevel: TOPLEVEL, mode });
  const on = (path: string): string => join(root, path);
  const keeper = (action: string) =>
    spawnSync("sh", [on("var/lib/skep/secrets/keeper"), action, root], { encoding: "utf8" });
  /** As the agent does it. */
  const takeIntoUse = (generation: number | undefined): void => {
    rmSync(on("run/skep/secrets"), { force: true });
    symlinkSync(`secrets.d/${generation ?? 0}`, on("run/skep/secrets"));
  };
  const bind = (set: SecretSet): void => {
    symlinkSync(`../sets/${set.id}`, on(`var/lib/skep/secrets/systems/${TOPLEVEL.slice("/nix/store/".length)}`));
  };

  it("are opened beside what is in use, with their modes, and programs see none of it yet", async () => {
    const set = setOf([
      { use: use("db/password", { mode: "0440" }), content: sealed("swordfish\n") },
      { use: use("empty"), content: sealed("") },
      {
        use: use("token", { open: "operator" }),
        content: { open: "operator", plaintext: new Redacted(Buffer.from("t0k")), version: "1" },
      },
    ]);
    const { generation, changed } = await install(set);
    expect(changed).toEqual(["db/password", "empty", "token"]);
    expect(generation).toBe(1);
    expect(existsSync(on("run/skep/secrets"))).toBe(false);
    const folder = on("run/skep/secrets.d/1");
    expect(readFileSync(join(folder, "db/password"), "utf8")).toBe("swordfish\n");
    expect(readFileSync(join(folder, "empty"), "utf8")).toBe("");
    expect(readFileSync(join(folder, "token"), "utf8")).toBe("t0k");
    expect((statSync(join(folder, "db/password")).mode & 0o7777).toString(8)).toBe("440");
    expect((statSync(join(folder, "token")).mode & 0o7777).toString(8)).toBe("400");
    expect((statSync(join(folder, "db")).mode & 0o7777).toString(8)).toBe("751");
    expect((statSync(`${folder}.manifest`).mode & 0o077).toString(8)).toBe("0");
  });

  it("tell which of their units neither the system nor the host has", async () => {
    const units = ["web.service", "worker@1.service", "old.service", "loaded.service"];
    const lines = ["web.service", "worker@.service"].map((unit) => {
      return `etc\tlink\t-\t-\t-\t-\t/nix/store/x\tsystemd/system/${unit}\n`;
    });
    writeFileSync(on(`${TOPLEVEL}/manifest`), lines.join(""));
    mkdirSync(on("etc/systemd/system"), { recursive: true });
    writeFileSync(on("etc/systemd/system/old.service"), "");
    const stub = "case $5 in loaded.service) echo LoadState=loaded ;; *) echo LoadState=not-found ;; esac";
    mkdirSync(on("bin"));
    writeFileSync(on("bin/systemctl"), `#!/bin/sh\n${stub}\n`, { mode: 0o755 });
    const { PATH } = process.env;
    process.env.PATH = `${on("bin")}:${PATH ?? ""}`;
    try {
      const { missingUnits } = await install(
        setOf([
          { use: use("db", { restart: [...units, "webb.service"], reload: ["worker.service"] }), content: sealed("a") },
          { use: use("token", { reload: ["old.service"] }), content: sealed("b") },
        ]),
      );
      expect(missingUnits).toEqual([
        { secret: "db", unit: "webb.service" },
        { secret: "db", unit: "worker.service" },
      ]);
    } finally {
      process.env.PATH = PATH;
    }
  });

  it("leave ciphertext alone on the disk, and nothing of what the operator opened", async () => {
    const set = setOf([
      { use: use("db"), content: sealed("poison-of-the-host") },
      {
        use: use("token", { open: "operator" }),
        content: { open: "operator", plaintext: new Redacted(Buffer.from("poison-of-the-operator")), version: "1" },
      },
    ]);
    await install(set);
    const found = spawnSync("grep", ["-r", "-l", "poison-of", on("var"), on("etc"), on("nix")], { encoding: "utf8" });
    expect(found.stdout).toBe("");
    expect(readdirSync(on(`var/lib/skep/secrets/sets/${set.id}`)).sort()).toEqual(["0.age", "manifest"]);
    expect((statSync(on("var/lib/skep/secrets")).mode & 0o077).toString(8)).toBe("0");
    const inMemory = spawnSync("grep", ["-r", "-l", "poison-of", on("run")], { encoding: "utf8" });
    expect(inMemory.stdout.trim().split("\n").sort()).toEqual([
      on("run/skep/secrets.d/1/db"),
      on("run/skep/secrets.d/1/token"),
    ]);
  });

  it("say which of them changed, by content and by mode", async () => {
    const same = { use: use("same"), content: sealed("1") };
    takeIntoUse(
      (await install(setOf([same, { use: use("a"), content: sealed("1") }, { use: use("b"), content: sealed("1") }])))
        .generation,
    );
    const { changed } = await install(
      setOf([
        { use: use("same"), content: sealed("1") },
        { use: use("a"), content: sealed("2") },
        { use: use("b", { mode: "0444" }), content: sealed("1") },
      ]),
    );
    expect(changed).toEqual(["a", "b"]);
  });

  it("stay as they were when one of ten cannot be opened, and each that cannot is named", async () => {
    const good = Array.from({ length: 10 }, (_, number) => ({
      use: use(`s${number}`),
      content: sealed(`v1-${number}`),
    }));
    takeIntoUse((await install(setOf(good))).generation);
    const stranger = sshKeygen(on("stranger"), { type: "ed25519" });
    const bad = good.map(({ use: secret }, number) => ({
      use: secret,
      content: sealed(`v2-${number}`, number === 7 ? stranger : hostKey),
    }));
    const before = readdirSync(on("run/skep/secrets.d"));
    await expect(install(setOf(bad))).rejects.toMatchObject({
      code: "activation/secrets-open",
      message: expect.stringMatching(
        /^the host cannot open 1 of its 10 secrets with its own key: s7: .*no identity matched/,
      ) as string,
    });
    expect(readdirSync(on("run/skep/secrets.d"))).toEqual(before);
    expect(readlinkSync(on("run/skep/secrets"))).toBe("secrets.d/1");
    for (const number of good.keys())
      expect(readFileSync(on(`run/skep/secrets/s${number}`), "utf8")).toBe(`v1-${number}`);
    expect(readdirSync(on("var/lib/skep/secrets/sets"))).toHaveLength(1);
  });

  it("are not in place when one is lost without a word: what waited for its age was killed", async () => {
    mkdirSync(on("bin"));
    const murderer = '#!/bin/sh\ncase "$*" in */files/b*) kill -KILL $PPID ;; esac\nPATH=${PATH#*:}\nexec age "$@"\n';
    writeFileSync(on("bin/age"), murderer, { mode: 0o755 });
    const runner: typeof localRunner = {
      ...localRunner,
      run: (argv, options) => localRunner.run(["env", `PATH=${on("bin")}:${process.env.PATH ?? ""}`, ...argv], options),
    };
    const set = setOf(["a", "b", "c"].map((name) => ({ use: use(name), content: sealed(name) })));
    await expect(installSecrets({ runner, root }, { set, toplevel: TOPLEVEL, mode: "install" })).rejects.toMatchObject({
      code: "activation/secrets-open",
      message: expect.stringMatching(/1 of its 3 secrets .*: b: the process that opened it was killed$/) as string,
    });
    expect(readdirSync(on("run/skep/secrets.d"))).toEqual([]);
  });

  it("are refused before anything changes where an owner, a group or a link's place is wrong", async () => {
    writeFileSync(on("etc/passwd"), "root:x:0:0::/:/bin/sh\n");
    writeFileSync(on("etc/group"), "root:x:0:\n");
    writeFileSync(on("etc/taken"), "mine");
    const content = sealed("x");
    await expect(
      install(
        setOf([
          { use: use("a", { owner: "postgres" }), content },
          { use: use("b", { group: "ssl" }), content },
        ]),
      ),
    ).rejects.toMatchObject({
      code: "activation/secrets-owner",
      message: expect.stringContaining("a: the host has no user postgres") as string,
    });
    await expect(install(setOf([{ use: use("a", { path: "/etc/taken" }), content }]))).rejects.toMatchObject({
      code: "activation/secrets-path",
    });
    expect(readFileSync(on("etc/taken"), "utf8")).toBe("mine");
    expect(readdirSync(on("run/skep/secrets.d"))).toEqual([]);
    expect(existsSync(on("var/lib/skep"))).toBe(false);
  });

  it("may belong to an account that the new system declares", async () => {
    writeFileSync(on("etc/passwd"), "root:x:0:0::/:/bin/sh\n");
    const conf = "/nix/store/1c4x2abc4x2abc4x2abc4x2abc4x2abc-app.conf";
    writeFileSync(on(conf), 'u app - "the app"\n');
    writeFileSync(on(`${TOPLEVEL}/manifest`), `etc\tlink\t-\t-\t-\t-\t${conf}\tsysusers.d/app.conf\n`);
    const content = sealed("x");
    await expect(install(setOf([{ use: use("a", { owner: "app" }), content }]), "try")).resolves.toMatchObject({
      changed: ["a"],
    });
    await expect(install(setOf([{ use: use("a", { owner: "apt" }), content }]), "try")).rejects.toMatchObject({
      code: "activation/secrets-owner",
    });
  });

  it("are refused where the host has no key, and where it has no memory to keep them in", async () => {
    const set = setOf([{ use: use("a"), content: sealed("x") }]);
    rmSync(on(HOST_KEY));
    await expect(install(set)).rejects.toMatchObject({
      code: "activation/secrets-open",
      message: expect.stringContaining("none of its identity files") as string,
    });
    rmSync(on("run/skep/secrets.d"), { recursive: true });
    const disk = mkdtempSync("/var/tmp/skep-test-");
    symlinkSync(disk, on("run/skep/secrets.d"));
    if (!isTmpfs(disk)) {
      await expect(install(set)).rejects.toMatchObject({ code: "activation/secrets-memory" });
      expect(readdirSync(disk)).toEqual([]);
    }
    rmSync(disk, { recursive: true });
  });

  it("are opened again at boot, but for those that only the operator can", async () => {
    const set = setOf([
      { use: use("db/password"), content: sealed("swordfish") },
      {
        use: use("token", { open: "operator" }),
        content: { open: "operator", plaintext: new Redacted(Buffer.from("t0k")), version: "1" },
      },
    ]);
    takeIntoUse((await install(set)).generation);
    bind(set);
    rmSync(on("run"), { recursive: true });
    mkdirSync(on("run/skep/secrets.d"), { recursive: true });

    expect((await probeHost({ runner: localRunner, root })).secrets).toEqual({
      generation: undefined,
      set: undefined,
      waiting: [],
      bootSet: set.id,
    });
    const boot = keeper("boot");
    expect(boot.status).toBe(0);
    expect(readFileSync(on("run/skep/secrets/db/password"), "utf8")).toBe("swordfish");
    expect(existsSync(on("run/skep/secrets/token"))).toBe(false);
    expect(boot.stderr).toContain("token is opened by the operator");
    expect((await probeHost({ runner: localRunner, root })).secrets).toEqual({
      generation: 1,
      set: set.id,
      waiting: ["token"],
      bootSet: set.id,
    });
    expect(keeper("boot").status).toBe(0);
    expect(readdirSync(on("run/skep/secrets.d")).sort()).toEqual(["1", "1.manifest"]);
  });

  it("are at boot those of the system that the boot loader chose, which need not be the profile's", async () => {
    const set = setOf([{ use: use("db/password"), content: sealed("swordfish") }]);
    await install(set);
    bind(set);
    const profile = on("nix/var/nix/profiles/system");
    for (const link of ["nix/var/nix/profiles/skep", "nix/var/nix/profiles/system"]) rmSync(on(link), { force: true });
    writeFileSync(on("etc/NIXOS"), "");
    symlinkSync(TOPLEVEL, `${profile}-1-link`);
    symlinkSync("/nix/store/1c4x2abc4x2abc4x2abc4x2abc4x2abc-system", `${profile}-2-link`);
    symlinkSync("system-2-link", profile);
    mkdirSync(on("proc"), { recursive: true });
    // A container has the command line of the machine it is on.
    writeFileSync(on("proc/cmdline"), "quiet init=/nix/store/2c4x2abc4x2abc4x2abc4x2abc4x2abc-system/init\n");
    expect(keeper("boot").stdout).toContain("this system has none");
    writeFileSync(on("proc/cmdline"), `initrd=/x init=${TOPLEVEL}/init quiet\n`);
    expect(keeper("boot").status).toBe(0);
    expect(readFileSync(on("run/skep/secrets/db/password"), "utf8")).toBe("swordfish");
  });

  it("fail the unit at boot when one cannot be opened, with the others in place", async () => {
    const set = setOf([
      { use: use("a"), content: sealed("1") },
      { use: use("b"), content: sealed("2") },
    ]);
    await install(set);
    bind(set);
    rmSync(on("run"), { recursive: true });
    mkdirSync(on("run/skep/secrets.d"), { recursive: true });
    writeFileSync(on(`var/lib/skep/secrets/sets/${set.id}/1.age`), "damaged");
    const boot = keeper("boot");
    expect(boot.status).toBe(1);
    expect(boot.stderr).toContain("cannot open: b:");
    expect(readFileSync(on("run/skep/secrets/a"), "utf8")).toBe("1");
  });

  it("are all old or all new wherever the installation is killed", async () => {
    const old = setOf([{ use: use("a"), content: sealed("old") }]);
    takeIntoUse((await install(old)).generation);
    bind(old);
    const set = setOf([
      { use: use("a"), content: sealed("new") },
      { use: use("b"), content: sealed("new") },
    ]);
    let ended = 0;
    for (let steps = 1; ended < 2; steps += 3) {
      // The shell kills itself before its nth command.
      const whole = await killedAfter(steps, set);
      if (whole) ended += 1;
      expect(readFileSync(on("run/skep/secrets/a"), "utf8")).toBe("old");
      for (const name of readdirSync(on("var/lib/skep/secrets/sets"))) {
        const [count] = [readdirSync(on(`var/lib/skep/secrets/sets/${name}`)).length];
        expect({ name, count }).toEqual({ name, count: name === old.id ? 2 : 3 });
      }
      for (const generation of readdirSync(on("run/skep/secrets.d")).filter((name) => /^\d+$/.test(name))) {
        expect(lstatSync(on(`run/skep/secrets.d/${generation}.manifest`)).isFile()).toBe(true);
        const names = readdirSync(on(`run/skep/secrets.d/${generation}`));
        expect([["a"], ["a", "b"]]).toContainEqual(names);
      }
      rmSync(on(`var/lib/skep/secrets/sets/${set.id}`), { recursive: true, force: true });
      expect(steps).toBeLessThan(1_500);
    }
    const { generation } = await install(set);
    expect(readFileSync(on(`run/skep/secrets.d/${generation ?? 0}/b`), "utf8")).toBe("new");
  }, 120_000);

  /** @returns whether it came to its end all the same. */
  async function killedAfter(steps: number, set: SecretSet): Promise<boolean> {
    const trap = `set -T; steps=${steps}; trap 'steps=$((steps - 1)); [ "$steps" -gt 0 ] || kill -KILL $$' DEBUG\n`;
    const runner: typeof localRunner = {
      ...localRunner,
      run: (argv, options) => {
        const [, flag = "", loader = "", ...rest] = argv;
        return localRunner.run(
          ["bash", flag, loader.replace('eval "$s"', `eval '${trap.replaceAll("'", `'\\''`)}'"$s"`), ...rest],
          options,
        );
      },
    };
    return installSecrets({ runner, root }, { set, toplevel: TOPLEVEL, mode: "install" }).then(
      () => true,
      () => false,
    );
  }
});
