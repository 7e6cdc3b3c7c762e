import type { StorePath } from "#store";
import { GENERATION_FUNCTIONS, isStorePath } from "#store";
import { BOOT_FUNCTIONS } from "./boot-functions.ts";
import type { BootFacts } from "./boot-parts.ts";
import type { DeploymentRecord } from "./deployment-record.ts";
import { LIST_RECORDS, parseRecord } from "./deployment-record.ts";
import type { HostAccess } from "./host-access.ts";
import { readByScript } from "./host-access.ts";
import { BOOTED_PARTS } from "./reboot-need.ts";
import { secretsLayout } from "./secrets/secrets-layout.ts";

/** What a plan wants to know of a host beyond what a deployment looks at first. Read in one round trip. */
export interface PlanFacts {
  /** What was deployed to it last, as far as a record was left; of another system than the one it runs, perhaps. */
  readonly lastDeployment: DeploymentRecord | undefined;
  /** The newest generation of its profile, which need not be the default. */
  readonly newest: { readonly generation: number; readonly system: StorePath | undefined } | undefined;
  /** The manifest of the system it runs, where skep made that without Nix. */
  readonly manifest: string | undefined;
  /** What is below `/etc` in the NixOS system it runs: where each link leads. Undefined where the host cannot tell. */
  readonly etc: ReadonlyMap<string, string> | undefined;
  readonly units: UnitFacts;
  readonly secrets: readonly InstalledSecret[];
  readonly boot: BootFacts;
}

export interface UnitFacts {
  /** Whether there is a systemd that starts units. */
  readonly managed: boolean;
  /** With which text each unit was started last; undefined where nothing was since the boot. */
  readonly recorded: ReadonlyMap<string, string> | undefined;
  /** What `systemctl is-active` says of the units that were asked about. */
  readonly states: ReadonlyMap<string, string>;
}

/** A secret that is in the host's memory. */
export interface InstalledSecret {
  readonly name: string;
  /** Its line in the manifest without its number. */
  readonly line: string;
  /** SHA-256 of the ciphertext that is kept, in hex; undefined where none is, or the host cannot tell. */
  readonly ciphertextHash: string | undefined;
}

/**
 * Changes nothing on the host.
 * @throws ActivationError `activation/probe`.
 */
export async function readPlanFacts(
  access: HostAccess,
  {
    units,
    signal,
    timeoutMs = 60_000,
  }: {
    /** The units whose state is asked for. */
    readonly units: readonly string[];
    readonly signal?: AbortSignal | undefined;
    readonly timeoutMs?: number | undefined;
  },
): Promise<PlanFacts> {
  const what = "what the host runs";
  const script = { script: PLAN_SCRIPT, args: units, ending: "complete\n" };
  const text = await readByScript(access, { what, ...script, signal, timeoutMs });
  return parsePlanFacts(text, units);
}

/** Parses lines of a word, a tab, and what it is about; see {@link PLAN_SCRIPT}. */
export function parsePlanFacts(text: string, units: readonly string[]): PlanFacts {
  const lines = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const tab = line.indexOf("\t");
    const what = tab === -1 ? line : line.slice(0, tab);
    const known = lines.get(what) ?? [];
    lines.set(what, known);
    known.push(tab === -1 ? "" : line.slice(tab + 1));
  }
  const all = (what: string): readonly string[] => lines.get(what) ?? [];
  const pairs = (what: string): ReadonlyMap<string, string> =>
    new Map(
      // A record of no units is an empty line.
      all(what).flatMap((line) => {
        const tab = line.indexOf("\t");
        return tab === -1 ? [] : [[line.slice(0, tab), line.slice(tab + 1)]];
      }),
    );
  const [newest, newestSystem = ""] = all("newest")[0]?.split("\t") ?? [];
  const states = all("state");
  const hashes = pairs("kept");
  return {
    lastDeployment: parseRecord(all("record").join("\n")),
    newest:
      newest === undefined
        ? undefined
        : { generation: Number(newest), system: isStorePath(newestSystem) ? newestSystem : undefined },
    manifest: lines.has("manifest") ? `${all("manifest").join("\n")}\n` : undefined,
    etc: lines.has("etc_known") ? pairs("etc") : undefined,
    units: {
      managed: lines.has("systemctl"),
      recorded: lines.has("units") ? pairs("unit") : undefined,
      states: new Map(units.flatMap((unit, index) => (states[index] === undefined ? [] : [[unit, states[index]]]))),
    },
    secrets: all("secret").map((line) => {
      const [number = "", ...rest] = line.split("\t");
      return { name: rest[1] ?? "", line: rest.join("\t"), ciphertextHash: hashes.get(number) };
    }),
    boot: {
      parts: lines.has("boots") ? pairs("part") : undefined,
      initInterface: all("init_interface")[0],
      requiredBy: lines.has("required") ? [...new Set(all("package"))] : undefined,
    },
  };
}

/**
 * Prints what {@link parsePlanFacts} reads. Where links lead is told by one `readlink` or `find` for all of them, as far
 * as there is one that can.
 */
export const PLAN_SCRIPT = `${BOOT_FUNCTIONS}${GENERATION_FUNCTIONS}
tab=$(printf '\\t')
tell() { sed "s/^/$1$tab/"; }

last=$(${LIST_RECORDS} | head -n 1)
[ -z "$last" ] || { cat "$last"; echo; } | sed '/^$/d' | tell record

profile=$(default_profile)
newest=$(newest_generation "$profile")
[ "$newest" -eq 0 ] || printf 'newest\\t%s\\t%s\\n' "$newest" "$(readlink "$profile-$newest-link")"

# Until a system is activated after a boot, the one of the profile is what /etc was made of.
running=$(system_of "$root/run/current-system")
[ -n "$running" ] || running=$(system_of "$profile")
if [ -n "$running" ] && [ -f "$root$running/manifest" ]; then
  tell manifest <"$root$running/manifest"
elif [ -n "$running" ] && [ -e "$root$running/etc" ]; then
  etc=$(leads_to "$running/etc")
  [ -z "$etc" ] || (cd "$root$etc" && find . ! -type d -printf 'etc\\t%P\\t%l\\n' 2>/dev/null && echo etc_known)
fi

systemctl=$(command -v systemctl)
if [ -n "$root" ]; then case $systemctl in "$root"/*) ;; *) systemctl= ;; esac
elif [ ! -d /run/systemd/system ]; then systemctl=; fi
if [ -n "$systemctl" ]; then
  echo systemctl
  [ $# -eq 0 ] || "$systemctl" is-active "$@" 2>/dev/null </dev/null | tell state
fi
if [ -f "$root/run/skep/units" ]; then
  echo units
  tell unit <"$root/run/skep/units"
fi

generation=$(readlink "$root${secretsLayout.link}")
if [ -n "$generation" ]; then
  set=
  while IFS= read -r line; do
    case $line in
      set"$tab"*) set=\${line#set"$tab"} ;;
      secret"$tab"*) printf '%s\\n' "$line" ;;
    esac
  done <"$root${secretsLayout.generations}/\${generation##*/}.manifest"
  if cd "$root${secretsLayout.kept}/sets/$set" 2>/dev/null; then
    set -- *.age
    [ ! -f "$1" ] || sha256sum "$@" 2>/dev/null | sed -n "s/^\\([0-9a-f]*\\) [ *]\\([0-9]*\\)\\.age$/kept$tab\\2$tab\\1/p"
  fi
fi

if boots_itself; then
  booted=$(system_of "$root/run/booted-system")
  if [ -n "$booted" ] || [ -e "$root/etc/NIXOS" ]; then
    echo boots
    for name in ${BOOTED_PARTS.join(" ")}; do
      [ -n "$booted" ] && [ -e "$root$booted/$name" ] || [ -L "$root$booted/$name" ] || continue
      case $name in
        kernel-params) printf 'part\\t%s\\t%s\\n' "$name" "$(cat "$root$booted/$name" | tr '\\n' ' ')" ;;
        *) printf 'part\\t%s\\t%s\\n' "$name" "$(leads_to "$booted/$name")" ;;
      esac
    done
  fi
  current=$(system_of "$root/run/current-system")
  if [ -n "$current" ] && [ -f "$root$current/init-interface-version" ]; then
    printf 'init_interface\\t%s\\n' "$(cat "$root$current/init-interface-version")"
  fi
  if [ -e "$root/run/reboot-required" ]; then
    echo required
    tell package <"$root/run/reboot-required.pkgs" 2>/dev/null
  fi
fi
echo complete
`;
