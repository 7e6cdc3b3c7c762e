import type { CommandRunner } from "#core";
import { StoreError } from "../errors.ts";
import { baseOf } from "./info-file.ts";
import { COLLECT_SCRIPT, READ_STORE_SCRIPT } from "./garbage-scripts.ts";
import { planGarbage } from "./plan-garbage.ts";
import type { GarbagePlan, StoreState } from "./plan-garbage.ts";
import { parseStoreState } from "./read-store-state.ts";
import { runHostScript } from "./script-channel.ts";

export interface HostStoreOptions {
  /** The folder on the host under which `nix/store` lies; default: none. */
  readonly root?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CollectGarbageOptions extends HostStoreOptions {
  /** How many of the newest generations stay, at least 1; default: all. */
  readonly keep?: number | undefined;
  /** Only says what would go. */
  readonly dryRun?: boolean | undefined;
}

/** Where the generations are that a collection counts. */
export const SKEP_PROFILE = "/nix/var/nix/profiles/skep";

const ATTEMPTS = 5;

/**
 * Removes what nothing on a host without Nix needs any more: old generations, and the paths that no generation, no GC
 * root, no running copy, no process, nor the running or booted system reaches.
 * @returns what went, or would go.
 * @throws StoreError `store/has-nix`, `store/unregistered`, `store/host-script` and what explains it better.
 */
export async function collectGarbage(
  runner: CommandRunner,
  { root = "", keep, dryRun = false, signal }: CollectGarbageOptions = {},
): Promise<GarbagePlan> {
  if (keep !== undefined && (!Number.isInteger(keep) || keep < 1)) {
    throw new RangeError(`keep must be a whole number from 1 on, not ${keep}`);
  }
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const plan = planGarbage(await readStoreState(runner, { root, signal }), { keep });
    if (dryRun || isEmpty(plan)) return plan;
    const [answer] = await runHostScript(runner, {
      script: COLLECT_SCRIPT,
      args: [root, SKEP_PROFILE],
      attempt: "collecting garbage in the host's store",
      stdin: formatPlan(plan),
      signal,
    });
    if (answer === "collected") return plan;
  }
  throw new StoreError("store/host-script", "collecting garbage failed: what is in use on the host keeps changing", {
    hint: "wait for deployments to this host to end, then try again",
  });
}

/** @throws StoreError as {@link collectGarbage} */
export async function readStoreState(
  runner: CommandRunner,
  { root = "", signal }: HostStoreOptions = {},
): Promise<StoreState> {
  const attempt = "reading the host's store";
  const args = [root, SKEP_PROFILE];
  return parseStoreState(await runHostScript(runner, { script: READ_STORE_SCRIPT, args, attempt, signal }));
}

function isEmpty({ generations, paths, forgotten }: GarbagePlan): boolean {
  return generations.length + paths.length + forgotten.length === 0;
}

function formatPlan({ generations, paths, forgotten }: GarbagePlan): string {
  const lines = [
    ...generations.map((number) => `generation ${number}`),
    ...paths.map((path) => `path ${baseOf(path)}`),
    ...forgotten.map((path) => `info ${baseOf(path)}`),
    ".",
  ];
  return `${lines.join("\n")}\n`;
}
