import type { CommandRunner } from "#core";
import { narHashHex } from "../nar-hash.ts";
import type { StorePath } from "../store-path.ts";
import type { HostStoreOptions } from "./collect-garbage.ts";
import { readStoreState } from "./collect-garbage.ts";
import { baseOf } from "./info-file.ts";
import type { Root, StoreState } from "./plan-garbage.ts";
import { openScript } from "./script-channel.ts";
import { VERIFY_SCRIPT } from "./verify-script.ts";

/** Something wrong with a store path on a host. */
export type StoreProblem =
  /** A root or a generation needs it, or it was asked for, and it is not there. */
  | { readonly kind: "missing"; readonly path: StorePath }
  /** It is there and not known. */
  | { readonly kind: "unregistered"; readonly path: StorePath }
  /** Something it refers to is not valid. */
  | { readonly kind: "dangling"; readonly path: StorePath; readonly reference: StorePath }
  /** Its files are not the ones that were added: contents, names, links or what is executable differ. */
  | { readonly kind: "changed"; readonly path: StorePath }
  /** A file of it has a mode that no file of a store has; `mode` in octal. */
  | { readonly kind: "mode"; readonly path: StorePath; readonly file: string; readonly mode: string };

export interface VerifyStoreOptions extends HostStoreOptions {
  /** Which to look at; default: all. */
  readonly paths?: readonly StorePath[] | undefined;
  /** Called with every path that has been hashed. */
  readonly onHashed?: ((path: StorePath) => void) | undefined;
}

/**
 * Hashes store paths on a host without Nix and compares them with what was recorded when they were added. No path's
 * contents leave the host.
 * @returns the problems, by path.
 * @throws StoreError `store/has-nix`, `store/host-script` and what explains it better.
 */
export async function verifyStore(
  runner: CommandRunner,
  { root = "", paths, onHashed, signal }: VerifyStoreOptions = {},
): Promise<StoreProblem[]> {
  const state = await readStoreState(runner, { root, signal });
  const wanted = new Set(paths ?? [...state.infos.keys(), ...state.stored]);
  const needed = new Set(paths ?? [...state.generations, ...state.roots.filter(isFirm)].map(({ path }) => path));
  const problems = [...needed]
    .filter((path) => !state.stored.has(path))
    .map((path): StoreProblem => ({ kind: "missing", path }));
  for (const path of wanted) problems.push(...problemsOnRecord(path, state));
  const present = new Map(
    [...wanted].filter((path) => state.stored.has(path) && state.infos.has(path)).map((path) => [baseOf(path), path]),
  );
  await using script = await openScript(runner, {
    script: VERIFY_SCRIPT,
    args: [root],
    attempt: `hashing ${present.size} paths in the host's store`,
    silenceMs: HASHING_MS,
    signal,
  });
  script.stdin.end([...present.keys(), ".\n"].join("\n"));
  for (let line = await script.line(); line !== undefined; line = await script.line()) {
    const [kind, base = "", value = "", ...file] = line.split(" ");
    const path = present.get(base);
    if (path === undefined) continue;
    if (kind === "mode") problems.push({ kind, path, file: file.join(" "), mode: value });
    if (kind !== "nar") continue;
    onHashed?.(path);
    if (hashOnRecord(path, state) !== value) problems.push({ kind: "changed", path });
  }
  await script.succeed();
  return problems.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** For one path, however large. */
const HASHING_MS = 3_600_000;

/** What a copy asked about, or a process mentions, need not be there. */
function isFirm({ kind }: Root): boolean {
  return kind !== "temp" && kind !== "process";
}

// An info alone is what a copy leaves that was killed at its very end: nothing is wrong with the store then.
function problemsOnRecord(path: StorePath, { stored, infos }: StoreState): StoreProblem[] {
  if (!stored.has(path)) return [];
  const info = infos.get(path);
  if (info === undefined) return [{ kind: "unregistered", path }];
  return info.references
    .filter((reference) => !stored.has(reference) || !infos.has(reference))
    .map((reference) => ({ kind: "dangling", path, reference }));
}

function hashOnRecord(path: StorePath, { infos }: StoreState): string | undefined {
  const info = infos.get(path);
  return info === undefined ? undefined : narHashHex(info.narHash);
}
