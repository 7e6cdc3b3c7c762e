import type { Goal } from "#hive";

/**
 * Everything that can happen to one host, in order:
 * - `evaluate`, `build`: its closure, on this machine
 * - `connect`, `probe`: log in, read what the host is and runs
 * - `lease`: keep other deployments off it
 * - `copy`: send what its store lacks
 * - `secrets`: send its secrets, which it opens beside those in use
 * - `dry-activate`: let it say what would change
 * - `test`: run the new system (or the one it has, with new secrets), with the way back armed on the host
 * - `login`: a fresh SSH login
 * - `check`: the health checks
 * - `confirm`: let the new system run on, until the next reboot
 * - `commit`: make the new system the default
 */
export const STEPS = [
  "evaluate",
  "build",
  "connect",
  "probe",
  "lease",
  "copy",
  "secrets",
  "dry-activate",
  "test",
  "login",
  "check",
  "confirm",
  "commit",
] as const;

/**
 * A step of a plan, or one that no plan has: `roll-back`, which a failure brings, and `reboot`, for which a host may turn
 * out to have a need.
 */
export type Step = (typeof STEPS)[number] | "roll-back" | "reboot";

const GOALS_OF_STEP: Readonly<Record<(typeof STEPS)[number], readonly Goal[]>> = {
  evaluate: ["build", "push", "dry-activate", "test", "boot", "switch"],
  build: ["build", "push", "dry-activate", "test", "boot", "switch"],
  connect: ["push", "dry-activate", "secrets", "test", "boot", "switch"],
  probe: ["push", "dry-activate", "secrets", "test", "boot", "switch"],
  lease: ["push", "dry-activate", "secrets", "test", "boot", "switch"],
  copy: ["push", "dry-activate", "test", "boot", "switch"],
  secrets: ["dry-activate", "secrets", "test", "boot", "switch"],
  "dry-activate": ["dry-activate"],
  test: ["secrets", "test", "switch"],
  login: ["secrets", "test", "switch"],
  check: ["secrets", "test", "switch"],
  confirm: ["test"],
  commit: ["secrets", "boot", "switch"],
};

/**
 * The steps of one host for a goal, in order.
 * @param options.secrets whether it consumes any (default: yes); one that had some and is to have none any more is rid of them all the same.
 * @param options.systems whether its system is to be made and sent (default: yes); one that it goes back to is there.
 */
export function stepsFor(
  goal: Goal,
  { secrets = true, systems = true }: { readonly secrets?: boolean; readonly systems?: boolean } = {},
): readonly Step[] {
  return STEPS.filter(
    (step) =>
      GOALS_OF_STEP[step].includes(goal) &&
      (secrets || step !== "secrets") &&
      (systems || (step !== "evaluate" && step !== "build" && step !== "copy")),
  );
}
