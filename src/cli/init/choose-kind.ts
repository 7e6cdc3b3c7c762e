import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CliError } from "../errors.ts";
import type { InitArguments, PIPELINES } from "./init-command.ts";

const run = promisify(execFile);

export type Pipeline = (typeof PIPELINES)[number];

/** Which kind of host to begin with: what the command line says, else NixOS where the folder has a flake. */
export async function chooseSystem(
  folder: string,
  { linux, nixos }: Pick<InitArguments, "linux" | "nixos">,
): Promise<"linux" | "nixos"> {
  if (linux && nixos) {
    throw new CliError("cli/usage", "--linux and --nixos do not go together", {
      hint: "give one of them; a hive can have hosts of both kinds later",
    });
  }
  if (linux || nixos) return nixos ? "nixos" : "linux";
  return (await isThere(join(folder, "flake.nix"))) ? "nixos" : "linux";
}

/** Which pipeline the repository has: what its files tell, else its remotes. */
export async function choosePipeline(folder: string): Promise<Pipeline> {
  if (await isThere(join(folder, ".github"))) return "github";
  if (await isThere(join(folder, ".gitlab-ci.yml"))) return "gitlab";
  const remotes = await readRemotes(folder);
  if (remotes.includes("github.")) return "github";
  return remotes.includes("gitlab.") ? "gitlab" : "none";
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** Empty without git, or outside of a repository. */
async function readRemotes(folder: string): Promise<string> {
  try {
    const argv = ["-C", folder, "config", "--get-regexp", String.raw`^remote\..*\.url$`];
    return (await run("git", argv, { timeout: 10_000 })).stdout;
  } catch {
    return "";
  }
}
