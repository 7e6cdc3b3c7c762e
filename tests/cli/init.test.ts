import { execFile, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import * as prettier from "prettier";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { generateIdentity } from "#secrets";
import { runSkep } from "./run-skep.ts";

const run = promisify(execFile);
const REPOSITORY = resolve(import.meta.dirname, "../..");
/** Of modules that come without types. */
const DECLARATIONS = join(REPOSITORY, "src/secrets/keys/bcrypt-pbkdf.d.ts");

let home = "";
let cwd = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "skep-init-home-"));
  cwd = await mkdtemp(join(tmpdir(), "skep-init-"));
});
afterEach(async () => {
  await rm(home, { recursive: true });
  await rm(cwd, { recursive: true });
});

interface SkepOptions {
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const skep = (argv: readonly string[], { folder = cwd, env: more = {} }: SkepOptions = {}) =>
  runSkep(argv, { env: { HOME: home, USER: "alice", PATH: process.env.PATH, ...more }, cwd: folder });

/** All files below a folder, by their names. */
async function filesOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(folder, { recursive: true });
  const files = new Map<string, string>();
  for (const name of names.sort()) {
    if ((await stat(join(folder, name))).isFile()) files.set(name, await readFile(join(folder, name), "latin1"));
  }
  return files;
}

/** An SSH key of the operator's, whose private half only its owner has to have. */
async function giveSshKey(): Promise<string> {
  const { x = "" } = generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" });
  const text = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const wire = Buffer.concat([text(Buffer.from("ssh-ed25519")), text(Buffer.from(x, "base64url"))]);
  const key = `ssh-ed25519 ${wire.toString("base64")}`;
  await mkdir(join(home, ".ssh"));
  await writeFile(join(home, ".ssh/id_ed25519.pub"), `${key} alice@laptop.example.org\n`);
  return key;
}

describe("skep init", () => {
  it("writes a fleet whose secrets check, and which deploys to a sandbox as it stands", async () => {
    const key = await giveSshKey();
    const { exitCode, stdout, stderr } = await skep(["init", "fleet"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const fleet = join(cwd, "fleet");
    const files = await filesOf(fleet);
    expect([...files.keys()]).toEqual([
      ".gitignore",
      "hive.ts",
      "hosts/bee.ts",
      "hosts/bee/heartbeat.sh",
      "package.json",
      "secrets/heartbeat/key.age",
      "secrets/secrets.lock.json",
      "secrets/secrets.ts",
      "tsconfig.json",
    ]);
    for (const name of files.keys()) expect(stdout).toContain(`  ${name} `);
    expect(stdout).toMatch(
      /Next:\n {2}cd fleet\n {2}skep deploy --sandbox .*\n {2}skep secrets check .*\n {2}npm install --save-dev .*\n {2}skep deploy /,
    );
    expect(files.get("secrets/secrets.ts")).toContain(`      "${key}",
`);
    expect([...files.values()].join()).not.toContain("laptop.example.org");
    expect(await skep(["secrets", "check"], { folder: fleet })).toMatchObject({
      exitCode: 0,
      stdout: "1 secret is as the rules say\n",
    });
    const deployed = await skep(["deploy", "--sandbox", "--output", "lines"], { folder: fleet });
    expect(deployed, deployed.stderr).toMatchObject({ exitCode: 0 });
    expect(deployed.stderr).toContain("1 deployed");
  });

  it("does not pass its own check when the heartbeat writes nothing", async () => {
    await giveSshKey();
    await skep(["init"]);
    await writeFile(join(cwd, "hosts/bee/heartbeat.sh"), "while :; do sleep 1; done\n");
    const text = await readFile(join(cwd, "hosts/bee.ts"), "utf8");
    await writeFile(join(cwd, "hosts/bee.ts"), text.replaceAll('deadline: "30s"', 'deadline: "2s"'));
    const { exitCode, stderr } = await skep(["deploy", "--sandbox", "--output", "lines"]);
    expect(exitCode, stderr).toBe(7);
    expect(stderr).toContain("not healthy: heartbeat");
  });

  it.each([
    { system: "--linux", ci: "github" },
    { system: "--nixos", ci: "gitlab" },
    { system: "--nixos", ci: "github" },
    { system: "--linux", ci: "gitlab" },
  ])("writes files as prettier would, also without any configuration: $system $ci", async ({ system, ci }) => {
    await giveSshKey();
    expect(await skep(["init", system, "--ci", ci])).toMatchObject({ exitCode: 0 });
    for (const [name, text] of await filesOf(cwd)) {
      const { inferredParser } = await prettier.getFileInfo(name);
      if (inferredParser === null || name.endsWith(".lock.json")) continue;
      const source = Buffer.from(text, "latin1").toString();
      expect(await prettier.format(source, { filepath: name }), name).toBe(source);
      expect(await prettier.format(source, { filepath: name, printWidth: 120 }), name).toBe(source);
    }
  });

  it("writes TypeScript that the strictest compiler takes, for both kinds of host", async () => {
    await giveSshKey();
    await skep(["init", "linux", "--linux"]);
    await skep(["init", "nixos", "--nixos"]);
    const base = JSON.parse(await readFile(join(REPOSITORY, "tsconfig.json"), "utf8")) as { compilerOptions: object };
    const compilerOptions = {
      ...base.compilerOptions,
      paths: { skep: [join(REPOSITORY, "src/index.ts")] },
      typeRoots: [join(REPOSITORY, "node_modules/@types")],
    };
    await writeFile(join(cwd, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(
      join(cwd, "tsconfig.json"),
      JSON.stringify({ compilerOptions, include: ["linux", "nixos", DECLARATIONS] }),
    );
    const check = async (): Promise<string> => {
      const argv = [join(REPOSITORY, "node_modules/typescript/bin/tsc"), "-p", cwd];
      return run(process.execPath, argv).then(
        () => "",
        (error: unknown) => String((error as { stdout: unknown }).stdout),
      );
    };
    expect(await check()).toBe("");
    await writeFile(
      join(cwd, "linux/hive.ts"),
      (await readFile(join(cwd, "linux/hive.ts"), "utf8")).replace("tags:", "tag:"),
    );
    expect(await check()).toContain("linux/hive.ts");
  });

  it("overwrites nothing: it names every file in its way and writes none", async () => {
    await giveSshKey();
    await writeFile(join(cwd, "hive.ts"), "mine\n");
    await mkdir(join(cwd, "secrets"));
    await writeFile(join(cwd, "secrets/secrets.ts"), "mine, too\n");
    const before = await filesOf(cwd);
    const { exitCode, stdout, stderr } = await skep(["init"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain("nothing was written");
    expect(stderr).toContain("hive.ts, secrets/secrets.ts are there already [cli/init]");
    expect(await filesOf(cwd)).toEqual(before);
    expect((await readdir(cwd)).sort()).toEqual(["hive.ts", "secrets"]);
  });

  it("refuses an empty word for its folder, as a variable that is not set leaves it", async () => {
    expect(await skep(["init", ""])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("skep: error: the folder was given as an empty word [cli/usage]") as string,
    });
    expect(await readdir(cwd)).toEqual([]);
  });

  it("writes nothing when one file cannot have its place, and leaves no folder that it made", async () => {
    await giveSshKey();
    // A file where a folder has to be.
    await writeFile(join(cwd, "hosts"), "a file\n");
    const { exitCode, stderr } = await skep(["init"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("nothing was written");
    expect([...(await filesOf(cwd)).keys()]).toEqual(["hosts"]);
    expect(await skep(["init", "new", "--recipient", "ssh-dss AAAA"])).toMatchObject({ exitCode: 4 });
    expect(await readdir(cwd)).not.toContain("new");
  });

  it("makes an age identity outside of the repository where there is no SSH key, and says so", async () => {
    const { exitCode, stdout } = await skep(["init"]);
    expect(exitCode).toBe(0);
    const identityFile = join(home, ".config/skep/identity.txt");
    const identity = await readFile(identityFile, "utf8");
    expect((await stat(identityFile)).mode & 0o777).toBe(0o600);
    expect(stdout).toContain(`was made: it is in ${identityFile}.`);
    expect(stdout).toMatch(/ {2}skep deploy +#/);
    for (const text of (await filesOf(cwd)).values()) expect(text).not.toContain("AGE-SECRET-KEY-");
    expect(identity).toContain("AGE-SECRET-KEY-");
    // It is found where it is, and where SKEP_IDENTITY says.
    const { stdout: secret } = await skep(["secrets", "view", "heartbeat/key"]);
    expect(secret).toMatch(/^[\w-]{43}$/);
    await rename(identityFile, join(cwd, "moved"));
    expect(await skep(["secrets", "view", "heartbeat/key"])).toMatchObject({ exitCode: 4 });
    const env = { SKEP_IDENTITY: `:${join(cwd, "moved")}` };
    expect(await skep(["secrets", "view", "heartbeat/key"], { env })).toMatchObject({ exitCode: 0, stdout: secret });
    await rename(join(cwd, "moved"), identityFile);
    // The next fleet is for the same person.
    await skep(["init", "second"]);
    expect(await readFile(identityFile, "utf8")).toBe(identity);
    expect(
      await skep(["secrets", "view", "heartbeat/key", "-i", identityFile], { folder: join(cwd, "second") }),
    ).toMatchObject({
      exitCode: 0,
    });
  });

  it("puts no private key into the folder itself", async () => {
    const { exitCode, stderr } = await skep(["init"], { folder: home });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("a new private key would lie in");
    expect(await readdir(home)).toEqual([]);
  });

  it("encrypts to the keys it is given, and refuses a private one without repeating it", async () => {
    const [first, second] = [await generateIdentity(), await generateIdentity()];
    const argv = ["init", "--recipient", first.recipient, "--recipient", second.recipient];
    expect(await skep(argv)).toMatchObject({ exitCode: 0 });
    const identityFile = join(home, "second.txt");
    await writeFile(identityFile, second.identityFile.reveal());
    expect(await skep(["secrets", "check", "-i", identityFile])).toMatchObject({ exitCode: 0 });
    const secret = first.identityFile.reveal().trim().split("\n").at(-1) ?? "";
    const { exitCode, stderr } = await skep(["init", "other", "--recipient", secret]);
    expect(exitCode).toBe(4);
    expect(stderr).not.toContain(secret);
  });

  describe("for NixOS", () => {
    it("is chosen where there is a flake, whose host it takes; --linux says otherwise", async () => {
      await giveSshKey();
      await writeFile(
        join(cwd, "flake.nix"),
        "{ outputs = { nixpkgs, ... }: { nixosConfigurations.gateway = 1; }; }\n",
      );
      const { exitCode, stdout } = await skep(["init"]);
      expect(exitCode).toBe(0);
      expect(stdout).toContain("Add ./hosts/heartbeat.nix to the modules of nixosConfigurations.gateway");
      expect(await skep(["hosts"])).toMatchObject({ stdout: "gateway  root@gateway.example.org  @canary\n" });
      expect(await skep(["secrets", "check"])).toMatchObject({ exitCode: 0 });
      await mkdir(join(cwd, "other"));
      await writeFile(join(cwd, "other/flake.nix"), "{ }\n");
      await skep(["init", "other", "--linux"]);
      expect(await readFile(join(cwd, "other/hosts/bee.ts"), "utf8")).toContain("system({");
    });

    it("writes a flake that Nix can read, and says what a sandbox cannot try", async () => {
      await giveSshKey();
      const { stdout } = await skep(["init", "--nixos"]);
      expect(stdout).toContain("A sandbox has no NixOS");
      expect(stdout).not.toContain("deploy --sandbox");
      expect(await skep(["hosts"])).toMatchObject({ exitCode: 0 });
      if (spawnSync("nix-instantiate", ["--version"]).status !== 0) return;
      for (const file of ["flake.nix", "hosts/bee.nix", "hosts/heartbeat.nix"]) {
        await run("nix-instantiate", ["--parse", join(cwd, file)]);
      }
    });
  });

  describe("the pipeline", () => {
    const pipelineOf = async (): Promise<readonly string[]> => {
      const files = await filesOf(cwd);
      return [...files].filter(([, text]) => text.includes(" ci --deploy")).map(([name]) => name);
    };

    it.each([
      { remote: "git@github.com:example/fleet.git", files: [".github/workflows/skep.yml"] },
      { remote: "https://gitlab.example.org/ops/fleet.git", files: [".gitlab-ci.yml"] },
      { remote: "ssh://git.example.org/fleet", files: [] },
    ])("is the one of the remote $remote", async ({ remote, files }) => {
      await giveSshKey();
      await run("git", ["init", "-q", cwd]);
      await run("git", ["-C", cwd, "remote", "add", "origin", remote]);
      await skep(["init"]);
      expect(await pipelineOf()).toEqual(files);
    });

    it("goes beside a .gitlab-ci.yml that is there already", async () => {
      await giveSshKey();
      await writeFile(join(cwd, ".gitlab-ci.yml"), "test:\n  script: make\n");
      const { stdout } = await skep(["init"]);
      expect(stdout).toContain("include it in .gitlab-ci.yml");
      expect(await pipelineOf()).toEqual([".gitlab/skep.yml"]);
    });

    it.each(["github", "gitlab"])("runs the skep of the lock file, and names no version to fetch: %s", async (ci) => {
      await giveSshKey();
      const { stdout } = await skep(["init", "--ci", ci]);
      expect(stdout).toMatch(/ {2}npm install --save-dev \.\/skep-\*\.tgz +# /);
      const [name = ""] = await pipelineOf();
      const pipeline = await readFile(join(cwd, name), "utf8");
      expect(pipeline).toContain("npm ci");
      expect(pipeline).toContain("./node_modules/.bin/skep");
      expect(pipeline).not.toMatch(/npx|npm exec|skep@/);
      expect(await readFile(join(cwd, "package.json"), "utf8")).not.toContain("skep");
    });

    it("of GitLab is the one to include", async () => {
      await giveSshKey();
      await skep(["init", "--linux", "--ci", "gitlab"]);
      expect(await readFile(join(cwd, ".gitlab-ci.yml"), "utf8")).toBe(
        await readFile(join(REPOSITORY, "ci/gitlab.yml"), "utf8"),
      );
    });
  });

  describe("the project", () => {
    it.skipIf(!existsSync(join(REPOSITORY, "dist/index.d.ts"))).each(["--linux", "--nixos"])(
      "is one that tsc understands once skep is installed: %s",
      async (system) => {
        await giveSshKey();
        await skep(["init", system]);
        await mkdir(join(cwd, "node_modules"));
        await symlink(REPOSITORY, join(cwd, "node_modules/skep"));
        const tsc = async (): Promise<string> =>
          run(process.execPath, [join(REPOSITORY, "node_modules/typescript/bin/tsc"), "--noEmit"], { cwd }).then(
            () => "",
            (error: unknown) => String((error as { stdout: unknown }).stdout),
          );
        expect(await tsc()).toBe("");
        const hive = await readFile(join(cwd, "hive.ts"), "utf8");
        await writeFile(join(cwd, "hive.ts"), hive.replace("tags:", "tag:"));
        expect(await tsc()).toContain("hive.ts");
      },
    );

    it("leaves a package.json, a tsconfig.json and a .gitignore alone, and says what they lack", async () => {
      await giveSshKey();
      const own = { "package.json": "{}\n", "tsconfig.json": "{}\n", ".gitignore": "dist\n" };
      for (const [name, text] of Object.entries(own)) await writeFile(join(cwd, name), text);
      const { exitCode, stdout } = await skep(["init"]);
      expect(exitCode).toBe(0);
      for (const [name, text] of Object.entries(own)) {
        expect(await readFile(join(cwd, name), "utf8")).toBe(text);
        expect(stdout).toContain(`Your ${name} stays as it is: `);
      }
      expect(await readFile(join(cwd, ".skep/.gitignore"), "utf8")).toBe("*\n");
    });

    it("says nothing of those that lack nothing", async () => {
      await giveSshKey();
      await writeFile(join(cwd, "package.json"), '{ "type": "module" }\n');
      await writeFile(join(cwd, ".gitignore"), "node_modules\n.skep\nskep-ci\n");
      expect((await skep(["init"])).stdout).not.toContain("stays as it is");
    });

    it("keeps what skep leaves there out of git", async () => {
      await giveSshKey();
      await run("git", ["init", "-q", cwd]);
      await skep(["init"]);
      for (const name of ["node_modules", ".skep", "skep-ci"]) {
        await mkdir(join(cwd, name), { recursive: true });
        await writeFile(join(cwd, name, "left"), "");
      }
      const { stdout } = await run("git", ["-C", cwd, "status", "--porcelain", "--untracked-files=all"]);
      expect(stdout).not.toContain("left");
      expect(stdout).toContain("?? package.json");
    });
  });
});
