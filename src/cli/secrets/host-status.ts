import type { HostFacts, KeptSecrets } from "#activation";
import { NO_SECRETS } from "#activation";
import type { SkepErrorJson } from "#core";
import { count } from "./count.ts";
import type { HostKeys, RetiredKey } from "./retired.ts";
import { describeRetiredKey, judgeRetiredKeys } from "./retired.ts";

/** How the secrets of one host stand to those of the repository. */
export interface HostStatus {
  /**
   * - `ok`: it has what the repository would install now; `none`: that is nothing
   * - `waiting`: some are opened by the operator, and are not there since it was booted
   * - `stale`: it has others, or would boot with others
   * - `missing`: it has none and should have some
   * - `broken`: the repository cannot install what it should have
   */
  readonly state: "ok" | "none" | "waiting" | "stale" | "missing" | "broken";
  /** The generation in use. */
  readonly generation?: number | undefined;
  /** The id of its set. */
  readonly set: string;
  /** The id that the repository's set has. */
  readonly wanted?: string | undefined;
  /** Why it has none. */
  readonly problem?: SkepErrorJson | undefined;
  /** Names of those that wait for the operator. */
  readonly waiting: readonly string[];
  readonly boot: BootStatus;
  readonly retired: readonly RetiredKey[];
}

/** What becomes of the secrets when the host boots. */
export interface BootStatus {
  /** The id of the set of the system that boots. */
  readonly set: string;
  /** Names of those that the host opens. */
  readonly opens: readonly string[];
  /** Names of those that then wait for the operator. */
  readonly waits: readonly string[];
  /** Whether something on the host opens them. */
  readonly isOpened: boolean;
}

/** What the repository has for a host: the id of its set, or why there is none. */
export type WantedSet = { readonly id: string } | { readonly problem: SkepErrorJson };

export interface HostFindings {
  readonly facts: HostFacts;
  readonly kept: KeptSecrets;
  readonly wanted: WantedSet;
  readonly keys: HostKeys;
}

/** Compares what is on a host with the repository, as a deployment does. */
export function judgeHost({ facts, kept, wanted, keys }: HostFindings): HostStatus {
  const { generation, waiting, set = NO_SECRETS, bootSet = NO_SECRETS } = facts.secrets;
  const atBoot = kept.generations.find((known) => known.set === bootSet)?.secrets ?? [];
  const namesOf = (open: "host" | "operator"): readonly string[] =>
    atBoot.filter((secret) => secret.open === open).map(({ name }) => name);
  const id = "id" in wanted ? wanted.id : undefined;
  return {
    state: stateOfSecrets(facts, id),
    generation,
    set,
    ...("id" in wanted ? { wanted: wanted.id } : { problem: wanted.problem }),
    waiting,
    boot: { set: bootSet, opens: namesOf("host"), waits: namesOf("operator"), isOpened: kept.openedAtBoot },
    retired: judgeRetiredKeys(keys, { kept, wanted: id }),
  };
}

/** What to say of a host, a line each. */
export function describeHost(
  { state, generation, set, problem, waiting, boot, retired }: HostStatus,
  { host, facts }: { readonly host: string; readonly facts: Pick<HostFacts, "nixos" | "running"> },
): readonly string[] {
  const command = facts.running === undefined ? `skep deploy --on ${host}` : `skep deploy secrets --on ${host}`;
  const inUse = generation === undefined ? "none of its secrets is there" : `generation ${generation}`;
  const { plan, warnings } = describeBoot(boot, { set, nixos: facts.nixos });
  const lines = [state === "none" ? "it has no secrets" : [inUse, ...plan].join("; ")];
  if (state === "missing") lines.push(`bring them: ${command}`);
  if (state === "stale") lines.push(`not what the repository would install: ${command}`);
  if (problem !== undefined) lines.push(`the repository cannot give it its secrets: ${problem.message}`);
  if (waiting.length > 0) {
    const verb = waiting.length === 1 ? "waits" : "wait";
    lines.push(`${waiting.join(", ")} ${verb} for the operator since it was booted: ${command}`);
  }
  return [...lines, ...warnings, ...retired.flatMap(describeRetiredKey)];
}

/** @param wanted the id of the set that the repository would install; undefined when it cannot. */
export function stateOfSecrets(
  { secrets, running, profile }: HostFacts,
  wanted: string | undefined,
): HostStatus["state"] {
  const { set = NO_SECRETS, bootSet = NO_SECRETS, waiting } = secrets;
  if (wanted === undefined) return "broken";
  if (waiting.length > 0) return "waiting";
  if (secrets.generation === undefined && wanted !== NO_SECRETS) return "missing";
  // A system that is only being tried has its secrets for as long as it is tried.
  if (set !== wanted || (bootSet !== wanted && running === profile.system)) return "stale";
  return wanted === NO_SECRETS ? "none" : "ok";
}

interface BootWords {
  /** What is to happen. */
  readonly plan: readonly string[];
  /** What is not as it should be. */
  readonly warnings: readonly string[];
}

function describeBoot(
  { set: bootSet, opens, waits, isOpened }: BootStatus,
  { set, nixos }: { readonly set: string; readonly nixos: boolean },
): BootWords {
  if (bootSet === NO_SECRETS) {
    return { plan: [], warnings: set === NO_SECRETS ? [] : ["the system that boots next has no secrets"] };
  }
  const remedy = nixos
    ? "import skep's nix/module.nix into its configuration"
    : "skep-secrets.service is not there, or not enabled";
  const words = [
    ...(opens.length > 0 && isOpened ? [`opens ${count(opens.length, "secret")}`] : []),
    ...(waits.length > 0 ? [`waits for the operator with ${waits.join(", ")}`] : []),
  ];
  return {
    plan: words.length === 0 ? [] : [`at boot it ${words.join(" and ")}`],
    warnings: [
      ...(bootSet !== set && set !== NO_SECRETS ? ["the system that boots next has other secrets"] : []),
      ...(opens.length > 0 && !isOpened ? [`nothing opens its secrets when it boots: ${remedy}`] : []),
    ],
  };
}
