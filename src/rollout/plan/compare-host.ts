import { compareBoot, describeRebootNeed, isRebootNeeded } from "#activation";
import { formatBytes } from "#core";
import type { PlanGoal } from "#hive";
import { activates, persistsAfterReboot } from "#hive";
import type { EtcChanges, Manifest, UnitActions } from "#native";
import { compareEtc, parseManifest, planUnits } from "#native";
import type { Closure, StoredPath } from "#store";
import { diffPackages } from "./diff-packages.ts";
import type { PlannedHostChange, SystemChange } from "./fleet-plan.ts";
import type { LocalSystem } from "./local-system.ts";
import { withoutAttributes } from "./local-system.ts";
import type { HostLook } from "./look-at-host.ts";
import { parseDryActivation } from "./parse-dry-activation.ts";
import type { WantedSecrets } from "./secret-versions.ts";
import { compareSecrets } from "./secret-versions.ts";

/** What one host is to get. */
export interface WantedSystem {
  readonly closure: Closure | undefined;
  /** Of a system made without Nix. */
  readonly manifest: Manifest | undefined;
  /** Of a system that Nix made. */
  readonly local: LocalSystem | undefined;
  readonly secrets: WantedSecrets;
}

/** What a host's own part of a plan says beside what changes. */
export type HostFigures = Pick<PlannedHostChange, "copy" | "closureSize" | "notices"> & {
  readonly generation: number | null;
};

type Different = Extract<HostLook, { isAsWanted: false }>;

/** Compares what was seen of a host with what it is to have. Pure. */
export function compareHost(
  look: Different,
  { host, goal, wanted }: { readonly host: string; readonly goal: PlanGoal; readonly wanted: WantedSystem },
): { readonly change: SystemChange; readonly figures: HostFigures } {
  const { facts, found } = look;
  const { closure } = wanted;
  const missing = new Set(look.missing);
  const bytes = sizeOf((closure?.paths ?? []).filter(({ path }) => missing.has(path)));
  const hasSystemBefore = facts.running !== undefined;
  const before = look.closure ?? (hasSystemBefore ? undefined : []);
  const packages =
    closure === undefined || before === undefined
      ? []
      : diffPackages(before, closure, { running: facts.running, host });
  const isActivated = activates(goal) && closure !== undefined && facts.running !== closure.toplevel;
  const notices = [...look.notices];
  if (hasSystemBefore && closure !== undefined && look.closure === undefined) {
    notices.push("its store does not know the system it runs, so packages cannot be compared");
  }
  const { storeFreeBytes } = facts;
  if (storeFreeBytes !== undefined && bytes > storeFreeBytes) {
    notices.push(`${formatBytes(bytes)} are to be copied, and its disk has ${formatBytes(storeFreeBytes)} free`);
  }
  return {
    change: {
      packages,
      units: isActivated ? unitsOf(look, wanted) : NO_UNITS,
      said: look.said ?? [],
      hooks: (isActivated ? wanted.manifest?.hooks : undefined) ?? { before: [], after: [] },
      etc: closure === undefined || facts.running === closure.toplevel ? NO_ETC : etcOf(look, wanted),
      secrets: compareSecrets(wanted.secrets, { installed: found.secrets, facts: facts.secrets }),
      reboot: persistsAfterReboot(goal) ? rebootOf(look, wanted) : null,
    },
    figures: {
      copy: { paths: missing.size, bytes },
      closureSize: {
        before: before === undefined ? null : sizeOf(before),
        after: closure?.narSize ?? null,
      },
      generation: generationOf(look, { goal, wanted }),
      notices,
    },
  };
}

const NO_UNITS: UnitActions = { stop: [], reload: [], restart: [], start: [] };
const NO_ETC: EtcChanges = { added: [], changed: [], removed: [] };

function sizeOf(paths: readonly StoredPath[]): number {
  return paths.reduce((sum, { narSize }) => sum + narSize, 0);
}

function unitsOf({ found: { units, manifest }, said }: Different, wanted: WantedSystem): UnitActions | null {
  if (wanted.manifest === undefined) return said === undefined ? null : parseDryActivation(said);
  if (!units.managed) return NO_UNITS;
  // Since a boot nothing was recorded: systemd read what the system that booted has.
  const booted = manifest === undefined ? [] : parseManifest(manifest).units;
  const recorded = units.recorded ?? new Map(booted.map(({ name, text }) => [name, text]));
  return planUnits(wanted.manifest, { recorded, states: units.states });
}

function etcOf({ facts, found }: Different, { manifest, local }: WantedSystem): EtcChanges | null {
  if (manifest !== undefined) {
    return compareEtc(found.manifest === undefined ? new Map() : parseManifest(found.manifest).etc, manifest.etc);
  }
  if (local === undefined || local.etc.size === 0) return NO_ETC;
  const before = found.etc ?? (facts.running === undefined ? new Map<string, string>() : undefined);
  return before === undefined ? null : compareEtc(withoutAttributes(before), withoutAttributes(local.etc));
}

function rebootOf({ found: { boot } }: Different, { local }: WantedSystem): string | null {
  const need = compareBoot(boot, { parts: local?.parts ?? new Map(), initInterface: local?.initInterface });
  return isRebootNeeded(need) ? describeRebootNeed(need) : null;
}

/** The newest generation is used again when it is of the same system. */
function generationOf(
  { facts, found: { newest } }: Different,
  { goal, wanted: { closure } }: { readonly goal: PlanGoal; readonly wanted: WantedSystem },
): number | null {
  if (closure === undefined || !persistsAfterReboot(goal)) return facts.profile.generation ?? null;
  if (newest === undefined) return 1;
  return newest.system === closure.toplevel ? newest.generation : newest.generation + 1;
}
