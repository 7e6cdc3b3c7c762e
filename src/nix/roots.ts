import { createHash } from "node:crypto";
import { readlink } from "node:fs/promises";
import { join } from "node:path";
import { succeeded } from "#core";
import type { HostName } from "#hive";
import type { StorePath } from "#store";
import { encodeNixBase32 } from "#store";
import { NixError } from "./errors.ts";
import type { Nix } from "./nix.ts";
import { runNix } from "./run-nix.ts";

/** The link that keeps a host's derivation, or its built system, from being collected. */
export function rootOf(rootsDirectory: string, host: HostName, what: "derivation" | "toplevel"): string {
  return join(rootsDirectory, host, what);
}

/**
 * Keeps a derivation from being collected: makes `root` a link to it, in the place of an older one, and registers it
 * with Nix.
 * @throws NixError `nix/root` when that fails, or the derivation is gone already.
 */
export async function addDerivationRoot(
  nix: Nix,
  derivation: StorePath,
  { root, signal }: { readonly root: string; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (await isRooted(nix, root, derivation)) return;
  const argv = [
    "nix-instantiate",
    // The user's own settings may say otherwise; what is evaluated is ours.
    ...["--option", "pure-eval", "false", "--option", "restrict-eval", "false"],
    ...["--add-root", root],
    ...["--argstr", "path", derivation],
    ...["--expr", AS_DERIVATION],
  ] as const;
  const result = await runNix(nix, argv, { signal, timeoutMs: 300_000 });
  if (succeeded(result)) return;
  const said = result.stderr.trim().replace(/^error:\s*/, "");
  throw new NixError("nix/root", `could not register ${root} as a root of ${derivation}: ${said}`, {
    hint: "run it again; see that its folder can be written and that no other program makes the same root",
  });
}

/**
 * Keeps paths that are here from being collected, by links that begin with `root`: `<root>`, `<root>-2` and so on.
 * @throws NixError `nix/root`.
 */
export async function addRoots(
  nix: Nix,
  paths: readonly StorePath[],
  { root, signal }: { readonly root: string; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const argv = ["nix-store", "--realise", ...paths, "--add-root", root] as const;
  const result = await runNix(nix, argv, { signal, timeoutMs: 300_000 });
  if (succeeded(result)) return;
  const said = result.stderr.trim().replace(/^error:\s*/, "");
  throw new NixError("nix/root", `could not register roots of ${paths.length} systems at ${root}: ${said}`, {
    hint: "see that its folder can be written",
  });
}

/**
 * Whether `root` is a registered root of `path` already, which then cannot have been collected. False when that cannot
 * be seen: the store is not this machine's, or keeps its roots elsewhere.
 */
export async function isRooted(nix: Nix, root: string, path: StorePath): Promise<boolean> {
  const { NIX_REMOTE: store = "", NIX_STATE_DIR: state = "/nix/var/nix" } = nix.environment;
  if (!["", "auto", "daemon", "local"].includes(store)) return false;
  const name = encodeNixBase32(createHash("sha1").update(root).digest());
  const [target, registered] = await Promise.allSettled([readlink(root), readlink(join(state, "gcroots/auto", name))]);
  if (target.status === "rejected" || registered.status === "rejected") return false;
  return target.value === path && registered.value === root;
}

/** nix-instantiate roots what it evaluated; this makes it take a derivation that is in the store already. */
const AS_DERIVATION = `{ path }: {
  type = "derivation";
  name = "system";
  outputName = "out";
  drvPath = builtins.storePath path;
  outPath = path;
}`;
