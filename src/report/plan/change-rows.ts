import { formatBytes } from "#core";
import type { SystemChange } from "#rollout";
import type { Style } from "../text/paint.ts";
import { plainLine } from "../text/plain-text.ts";

/** One thing that changes, in words. */
export interface ChangeRow {
  readonly section: "packages" | "units" | "/etc" | "secrets" | "hooks" | "reboot" | "system";
  readonly verb: string;
  /** Names; those of packages come one by one, with what is said of each. */
  readonly names: readonly string[];
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly size?: string | undefined;
  readonly style: Style;
}

const STYLES = {
  up: "green",
  down: "yellow",
  changed: "yellow",
  added: "cyan",
  removed: "red",
} as const satisfies Record<Exclude<SystemChange["packages"][number]["kind"], "rebuilt">, Style>;

const NOT_HERE = "this machine does not know both systems";
const NO_FIND = "the host's find cannot tell where links lead";

/** As Nix does: less than that is not worth a word. */
const SMALL_BYTES = 8_192;

/** What a plan says, or what was found out without one: then parts may be missing. */
export type ToldChange = { readonly [Part in keyof SystemChange]?: SystemChange[Part] | undefined };

/** What changes, in the order it is told; nothing of what is not known, unless it is known why not. */
export function changeRows(change: ToldChange): readonly ChangeRow[] {
  const { packages, units, etc, secrets, hooks, reboot } = change;
  const rows = [
    ...packageRows(change),
    ...unitRows(change),
    ...listRows("/etc", etc === null ? { "not known": [NO_FIND] } : { ...etc }),
    ...listRows("secrets", {
      added: secrets?.added ?? [],
      changed: secrets?.changed ?? [],
      "may change": secrets?.mayChange ?? [],
      "brought again": secrets?.broughtAgain ?? [],
      removed: secrets?.removed ?? [],
    }),
    ...listRows("hooks", { ...hooks }),
    ...(reboot === null || reboot === undefined ? [] : listRows("reboot", { needed: [reboot] })),
  ];
  if (rows.length > 0 || [packages, units, etc, secrets].includes(undefined)) return rows;
  const names = ["it runs and has what it is to have, but does not boot it yet"];
  return [{ section: "system", verb: "made the default", names, style: "cyan" }];
}

function packageRows({ packages }: ToldChange): readonly ChangeRow[] {
  if (packages === undefined) return listRows("packages", { "not known": [NOT_HERE] });
  const rebuilt = packages.filter(({ kind }) => kind === "rebuilt");
  const rows = packages.flatMap(({ name, kind, from, to, sizeDelta }): readonly ChangeRow[] =>
    kind === "rebuilt"
      ? []
      : [
          {
            section: "packages",
            ...{ verb: kind, names: [name], from: versionsText(from), to: versionsText(to) },
            size: sizeText(sizeDelta),
            style: STYLES[kind],
          },
        ],
  );
  if (rebuilt.length === 0) return rows;
  const size = sizeText(rebuilt.reduce((sum, { sizeDelta }) => sum + sizeDelta, 0));
  const names = rebuilt.map(({ name }) => name);
  return [...rows, { section: "packages", verb: "rebuilt", names, size, style: "dim" }];
}

function unitRows({ units, said = [] }: ToldChange): readonly ChangeRow[] {
  if (units === null) {
    const names = ["known once the system is on the host: after skep deploy push, plan again"];
    return [{ section: "units", verb: "not known", names, style: "dim" }];
  }
  const rows = listRows("units", { ...units });
  if (rows.length > 0 || said.length === 0) return rows;
  // Not every switch-to-configuration says it in NixOS's words.
  return said.map((line) => ({ section: "units", verb: "says", names: [plainLine(line)], style: "dim" }));
}

const LIST_STYLES: Readonly<Record<string, Style>> = {
  ...{ added: "cyan", start: "cyan", changed: "yellow", restart: "yellow", reload: "yellow", needed: "yellow" },
  ...{ removed: "red", stop: "red", "may change": "yellow" },
};

function listRows(section: ChangeRow["section"], lists: Readonly<Record<string, readonly string[]>>): ChangeRow[] {
  return Object.entries(lists).flatMap(([verb, names]): ChangeRow[] =>
    names.length === 0
      ? []
      : [{ section, verb, names: names.map((name) => plainLine(name)), style: LIST_STYLES[verb] ?? "dim" }],
  );
}

/** What has no version in its name is told of by its name alone, unless it got or lost one. */
function versionsText(versions: readonly string[]): string | undefined {
  const told = versions.map((version) => version || "no version").join(", ");
  return told === "" || (versions.length === 1 && versions[0] === "") ? undefined : told;
}

function sizeText(bytes: number): string | undefined {
  if (Math.abs(bytes) < SMALL_BYTES) return undefined;
  return `${bytes > 0 ? "+" : "-"}${formatBytes(Math.abs(bytes))}`;
}
