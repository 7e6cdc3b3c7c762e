import type { HostState } from "#activation";
import type { StorePath } from "#store";
import { storePathDigest, storePathName } from "#store";

/** Something that is not as the hive, or as the host itself, would have it. */
export interface Drift {
  /**
   * - `no-system`: it runs no system of ours
   * - `running`: it runs another system than the one it boots
   * - `default`: it boots another system than the hive wants
   * - `cut-commit`: a commit was cut short, and its boot loader may boot another system than its profile names
   * - `secrets`: it has other secrets than the hive wants, or lacks some
   */
  readonly kind: "no-system" | "running" | "default" | "cut-commit" | "secrets";
  /** In plain words: `it runs …, and boots …`. */
  readonly message: string;
}

/**
 * Tells how a host's systems are not what they should be. Pure.
 * @param wanted what the hive wants; undefined when that is not known, and the host is compared with itself alone.
 */
export function findDrift({ facts }: Pick<HostState, "facts">, wanted: StorePath | undefined): readonly Drift[] {
  const { running, profile, cutCommit } = facts;
  const drift: Drift[] = [];
  if (running === undefined) {
    const boots = profile.system === undefined ? "" : `, and boots ${describeSystem(profile.system)}`;
    drift.push({ kind: "no-system", message: `it runs no system of ours${boots}` });
  } else if (running !== profile.system) {
    const boots = profile.system === undefined ? "has no default" : `boots ${describeSystem(profile.system)}`;
    const isWanted = wanted === undefined ? "" : running === wanted ? ", as the hive wants" : "";
    drift.push({ kind: "running", message: `it runs ${describeSystem(running)}${isWanted}, and ${boots}` });
  }
  if (wanted !== undefined && profile.system !== wanted) {
    const boots = running === profile.system && running !== undefined ? "runs and boots" : "boots";
    const found = profile.system === undefined ? "nothing of ours" : describeSystem(profile.system);
    drift.push({ kind: "default", message: `it ${boots} ${found}, and the hive wants ${describeSystem(wanted)}` });
  }
  if (cutCommit !== undefined) {
    const cut = `run ${cutCommit.run} was cut short while it made ${describeSystem(cutCommit.system)} the default`;
    drift.push({ kind: "cut-commit", message: `${cut}: what it boots is not certain until the next deployment` });
  }
  return drift;
}

/** A system for people: `0c4x2ab nixos-system-web-1-24.11`. */
export function describeSystem(path: StorePath): string {
  return `${storePathDigest(path).slice(0, 7)} ${storePathName(path)}`;
}
