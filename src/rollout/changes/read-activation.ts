import type { UnitActions } from "#native";

/**
 * What switch-to-configuration says it does to units, or would do. NixOS's says `restarting the following units: a, b`,
 * `would restart the following units: a, b` and `the following new units were started: a, b`; that of a system made
 * without Nix `restart a b` and `would restart a b`. For what NixOS leaves alone it says `NOT restarting …`.
 *
 * @param options.own of a system made without Nix the units that it can speak of, and its hooks, which print to the same
 *   place: what comes after the first that runs at the end is theirs. Undefined for one of NixOS.
 */
export function readActivation(
  lines: readonly string[],
  {
    own,
  }: {
    readonly own: { readonly units: ReadonlySet<string>; readonly lastHooks: readonly string[] } | undefined;
  },
): UnitActions {
  const actions = {
    ...{ stop: new Set<string>(), reload: new Set<string>() },
    ...{ restart: new Set<string>(), start: new Set<string>() },
  };
  const hook = lines.findIndex((line) => own?.lastHooks.some((shown) => line === `run ${shown}`) === true);
  for (const line of hook === -1 ? lines : lines.slice(0, hook)) {
    const said = own === undefined ? nixosSays(line) : ownSays(line, own.units);
    if (said !== undefined) for (const unit of said.units) actions[said.verb].add(unit);
  }
  return {
    ...{ stop: [...actions.stop], reload: [...actions.reload] },
    ...{ restart: [...actions.restart], start: [...actions.start] },
  };
}

/** Whether a line is worth keeping for {@link readActivation}. */
export function isOfUnits(line: string): boolean {
  return NIXOS.test(line) || OWN.test(line) || line.startsWith("run ");
}

interface Said {
  readonly verb: keyof UnitActions;
  readonly units: readonly string[];
}

const NIXOS =
  /^(?:(?:would )?(stop|reload|restart|start)(?:p?ing)? the following units|the following new units were (started)): (.+)$/;
const OWN = /^(?:would )?(stop|reload|restart|start)((?: [^\s,]+)+)$/;

function nixosSays(line: string): Said | undefined {
  const [, verb, started, list] = NIXOS.exec(line) ?? [];
  if (list === undefined) return undefined;
  return { verb: started === undefined ? (verb as keyof UnitActions) : "start", units: list.split(", ") };
}

function ownSays(line: string, own: ReadonlySet<string>): Said | undefined {
  const [, verb, list] = OWN.exec(line) ?? [];
  const units = list?.trim().split(" ") ?? [];
  if (verb === undefined || !units.every((unit) => own.has(unit))) return undefined;
  return { verb: verb as keyof UnitActions, units };
}
