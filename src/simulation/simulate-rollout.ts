import type { Goal, HiveDefinition, HiveInput, Host, LimitsInput, RolloutInput } from "#hive";
import { parseHive, selectHosts } from "#hive";
import { SimulationError } from "./errors.ts";
import type { Fault } from "./faults/fault.ts";
import { madeUpHive } from "./made-up-hive.ts";
import type { ResumeOrder } from "./resume-simulated.ts";
import { SimulatedFleet } from "./simulated-fleet.ts";
import type { SimulatedRollout } from "./simulated-rollout.ts";

export interface SimulateRolloutOptions {
  /** What is deployed to: so many made-up hosts (`host-1`, …; see docs/simulating.md), or what a hive file exports. */
  readonly hosts: number | HiveDefinition;
  /** Of these hosts the run is; as `--on` takes it. Default: all. */
  readonly on?: string | undefined;
  /** Default: `"switch"`. */
  readonly goal?: Exclude<Goal, "build"> | undefined;
  /** Takes the place of the hive's own `rollout`. */
  readonly policy?: RolloutInput | undefined;
  /** Takes the place of the hive's own `limits`. */
  readonly limits?: LimitsInput | undefined;
  /** As `--reboot`. Default: `"never"`. */
  readonly reboot?: "never" | "if-needed" | "always" | undefined;
  /** Hosts whose new system has another kernel, by name. Default: none. */
  readonly needsReboot?: readonly string[] | undefined;
  /** What `skep resume` is to make of a run whose operator was stopped, left or was killed. Default: it is not resumed. */
  readonly resume?: ResumeOrder | undefined;
  /** What goes wrong. Default: nothing. */
  readonly faults?: readonly Fault[] | undefined;
  /** The same seed gives the same run. Default: 1. */
  readonly seed?: number | undefined;
}

/**
 * Deploys to hosts that do not exist, by the code that deploys to those that do, in no time: to see what a policy does
 * before it has to. Every host runs an old system at the beginning and gets a new one; its checks pass, unless a fault
 * says otherwise. Gates that are functions are asked; commands and people agree.
 *
 * @throws HiveError when the hive or the policy is not valid; SimulationError `simulation/invalid` when a fault makes no
 *   sense.
 * @example
 * const { report, mostUnavailable } = await simulateRollout({
 *   hosts: 100,
 *   policy: { waves: ["@canary", "10%", "rest"], maxUnavailable: "5%" },
 *   faults: [{ host: "host-1", kind: "unhealthy" }],
 * });
 */
export async function simulateRollout(options: SimulateRolloutOptions): Promise<SimulatedRollout> {
  const { on, goal = "switch", policy, limits, reboot, resume, faults = [], seed = 1 } = options;
  const needReboot = new Set(options.needsReboot);
  const input = await readInput(options.hosts);
  const hive = parseHive(
    {
      ...input,
      ...(policy === undefined ? {} : { rollout: policy }),
      ...(limits === undefined ? {} : { limits }),
    },
    { directory: process.cwd(), file: "the simulated hive" },
  );
  const hosts: readonly Host[] = selectHosts(hive, on);
  const fleet = new SimulatedFleet(hosts, { seed, hive: hive.hosts });
  return fleet.deploy({
    release: "v2",
    goal,
    policy: hive.rollout,
    limits: hive.limits,
    faults,
    ...{ reboot, resume, needsReboot: (host: Host) => needReboot.has(host.name) },
  });
}

function readInput(hosts: number | HiveDefinition): HiveInput | Promise<HiveInput> {
  if (typeof hosts === "function") return hosts();
  if (typeof hosts !== "number") return hosts;
  if (Number.isInteger(hosts) && hosts >= 1 && hosts <= 1_000_000) return madeUpHive(hosts);
  throw new SimulationError("simulation/invalid", `cannot simulate ${hosts} hosts`, {
    hint: "give a whole number from 1 up",
  });
}
