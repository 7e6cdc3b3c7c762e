import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "#core";
import { STATE_FOLDER } from "#hive";
import type { Nix } from "#nix";
import { addRoots } from "#nix";
import type { Closure } from "#store";

const KEPT_PLANS = 20;

/**
 * Keeps the systems of a plan from this machine's garbage collector, in `.skep/plans/<plan>` beside the hive. Those of all
 * but the newest twenty plans are let go.
 * @throws NixError `nix/root`.
 */
export async function keepPlanned(
  plan: string,
  options: {
    readonly directory: string;
    readonly closures: readonly Closure[];
    readonly nix: () => Promise<Nix>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { directory, closures, nix, signal } = options;
  if (closures.length === 0) return;
  const plans = join(directory, STATE_FOLDER, "plans");
  await makeFolder(join(plans, plan));
  const toplevels = [...new Set(closures.map(({ toplevel }) => toplevel))];
  await addRoots(await nix(), toplevels, { root: join(plans, plan, "system"), signal });
  // Their names sort by time. One that is deployed now is in use, however many were made since.
  const others = (await readdir(plans)).filter((name) => name !== plan);
  const old = others.sort().slice(0, 1 - KEPT_PLANS);
  await Promise.all(old.map((name) => rm(join(plans, name), { recursive: true, force: true })));
}
