import { execFile, execFileSync } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import type { HostName } from "#hive";
import type { Nix, SystemRequest } from "#nix";
import { openNix } from "#nix";
import { writeBelow } from "../write-below.ts";

const run = promisify(execFile);

/** Skips a test, with the reason, where there is no Nix or nothing to build with. */
export function needsNix(context: TestContext): void {
  context.skip(!onPath("nix"), "nix is not on PATH");
  context.skip(busybox === undefined, "there is no static busybox");
}

/** A folder of its own with a busybox to build with, and a Nix that asks no substituter and wants no build users. */
export interface NixFixture extends AsyncDisposable {
  readonly nix: Nix;
  readonly directory: string;
  readonly rootsDirectory: string;
  /** Writes a file in the folder and tells its path. */
  write(path: string, content: string): Promise<string>;
  /** A Nix that goes through scripts of the fixture's own: each is put before the real program of its name. */
  wrapped(scripts: Readonly<Record<string, string>>): Promise<Nix>;
  /** The lines a script appended to `calls`. */
  calls(): Promise<string[]>;
  git(...args: string[]): Promise<void>;
}

export async function nixFixture(): Promise<NixFixture> {
  const directory = await mkdtemp(join(tmpdir(), "skep-nix-"));
  const environment = {
    ...process.env,
    NIX_CONFIG: ["build-users-group =", "substituters =", process.env.NIX_CONFIG ?? ""].join("\n"),
    CALLS: join(directory, "calls"),
  };
  await mkdir(join(directory, "busybox/bin"), { recursive: true });
  if (busybox !== undefined) await copyFile(busybox, join(directory, "busybox/bin/busybox"));
  await writeFile(join(directory, "systems.nix"), SYSTEMS);
  return {
    nix: await openNix({ environment }),
    directory,
    rootsDirectory: join(directory, "roots"),
    async write(path, content) {
      await writeBelow(directory, path, content);
      return join(directory, path);
    },
    async wrapped(scripts) {
      const folder = await mkdtemp(join(directory, "bin-"));
      for (const [name, script] of Object.entries(scripts)) {
        const real = execFileSync("/bin/sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
        await writeFile(join(folder, name), `#!/bin/sh\nreal=${real}\n${script}\n`);
        await chmod(join(folder, name), 0o755);
      }
      return openNix({ environment: { ...environment, PATH: `${folder}:${process.env.PATH ?? ""}` } });
    },
    async calls() {
      return (await readFile(environment.CALLS, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
    },
    async git(...args) {
      const identity = ["-c", "user.name=skep", "-c", "user.email=skep@example.org", "-c", "init.defaultBranch=main"];
      await run("git", [...identity, ...args], { cwd: directory });
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The flake of the tests; `attributes` are those of `nixosConfigurations`, with `system name script` at hand. */
export function flakeOf(attributes: string, outputs = ""): string {
  return `{
    outputs = { self }: let inherit (import ./systems.nix) system; in {
      nixosConfigurations = { ${attributes} };
      ${outputs}
    };
  }`;
}

export function flakeRequest(host: string, attribute?: string): SystemRequest {
  return { host: host as HostName, source: { kind: "nix-flake", flake: ".", attribute } };
}

export function fileRequest(host: string, file: string, attribute?: string): SystemRequest {
  return { host: host as HostName, source: { kind: "nix-file", file, attribute } };
}

export function named(host: string): HostName {
  return host as HostName;
}

const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((path) => onPath(path));

/** The unique text makes every test's derivations its own, so that none is built before it runs. */
const SYSTEMS = `
let
  busybox = builtins.path { path = ./busybox; name = "busybox"; };
  run = name: script: derivation {
    inherit name;
    system = builtins.currentSystem or "${nixSystem()}";
    builder = "\${busybox}/bin/busybox";
    args = [ "sh" "-euc" ("PATH=\${busybox}/bin; " + script) ];
    unique = "${String(process.pid)}-${String(Date.now())}";
  };
in {
  inherit run;
  system = name: { config.system.build.toplevel = run name "busybox echo \${name} > $out"; };
}
`;

function nixSystem(): string {
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  return `${machine}-${process.platform}`;
}

function onPath(program: string): boolean {
  try {
    execFileSync("/bin/sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
