import { execFile, spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { CommandChannel } from "#core";
import type { PathInfo, StorePath } from "#store";
import { parsePathInfos, parseStorePath } from "#store";
import { openLocalChannel } from "./local-channel.ts";

const run = promisify(execFile);

/** Why tests against real Nix cannot run here, or undefined when they can. */
export const noNix: string | undefined =
  spawnSync("nix-store", ["--version"]).status === 0 ? undefined : "nix-store is not on PATH";

const NIX_ENV = { NIX_CONFIG: "build-users-group =\nsubstituters =\nexperimental-features = nix-command" };

/** A Nix store of its own in a temporary folder, whose paths call themselves `/nix/store/…` like those of any other. */
export interface RealStore extends AsyncDisposable {
  readonly root: string;
  /** Where the files of a path are. */
  readonly locate: (path: StorePath) => string;
  nixStore(...args: string[]): Promise<string>;
  nix(...args: string[]): Promise<string>;
  /** Adds a file or folder and gives its path. */
  add(source: string): Promise<StorePath>;
  /** Adds a file with references: `text:` paths, as `builtins.toFile` makes them. */
  addTexts(expression: string): Promise<StorePath[]>;
  pathInfos(paths: readonly StorePath[]): Promise<PathInfo[]>;
  serve(): CommandChannel;
}

export async function openRealStore(): Promise<RealStore> {
  const root = await mkdtemp(join(tmpdir(), "skep-store-"));
  const nix = async (program: string, args: readonly string[]): Promise<string> => {
    const { stdout } = await run(program, [...args], {
      env: { ...process.env, ...NIX_ENV },
      maxBuffer: 256 * 1024 * 1024,
    });
    return stdout;
  };
  return {
    root,
    locate: (path) => join(root, path),
    nixStore: (...args) => nix("nix-store", ["--store", root, ...args]),
    nix: (...args) => nix("nix", [...args, "--store", root]),
    async add(source) {
      return parseStorePath((await nix("nix-store", ["--store", root, "--add", source])).trim());
    },
    async addTexts(expression) {
      const out = await nix("nix-instantiate", [
        "--store",
        root,
        "--eval",
        "--read-write-mode",
        "--strict",
        "--json",
        "-E",
        expression,
      ]);
      return (JSON.parse(out) as string[]).map(parseStorePath);
    },
    async pathInfos(paths) {
      return parsePathInfos(await nix("nix", ["path-info", "-r", "--json", "--store", root, ...paths]));
    },
    serve: () => openLocalChannel(["nix-store", "--store", root, "--serve", "--write"], { env: NIX_ENV }),
    async [Symbol.asyncDispose]() {
      await run("chmod", ["-R", "u+w", root]).catch(() => chmod(root, 0o700));
      await rm(root, { recursive: true, force: true });
    },
  };
}
