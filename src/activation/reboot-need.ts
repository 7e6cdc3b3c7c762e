import { lastLines, succeeded } from "#core";
import type { StorePath } from "#store";
import { BOOT_FUNCTIONS } from "./boot-functions.ts";
import { ActivationError } from "./errors.ts";
import type { HostAccess } from "./host-access.ts";
import { runScript } from "./host-access.ts";

/** What of a system only a boot brings: links and one file of NixOS's toplevel. Systems without them never ask for a boot. */
export const BOOTED_PARTS = ["kernel", "initrd", "kernel-modules", "kernel-params", "systemd"] as const;

/** Why a host needs a reboot; none of it does when it does not. */
export interface RebootNeed {
  /** The parts of the system that are others than those the host booted. */
  readonly parts: readonly ChangedPart[];
  /** What asked for it with the host's own means (`/run/reboot-required`), where something did: names of its packages. */
  readonly requiredBy: readonly string[] | undefined;
  /** Whether the system cannot be activated otherwise: its `switch-to-configuration test` ends with exit code 100. */
  readonly onlyByReboot: boolean;
}

export interface ChangedPart {
  readonly part: (typeof BOOTED_PARTS)[number];
  /** Version of the part that was booted, where its name tells one. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/**
 * Compares what a host booted with a system that its store has: one round trip. Nothing below a root that is not booted
 * by itself needs a reboot.
 * @throws ActivationError `activation/reboot-need`.
 */
export async function readRebootNeed(
  access: HostAccess,
  { toplevel, signal }: { readonly toplevel: StorePath; readonly signal?: AbortSignal | undefined },
): Promise<RebootNeed> {
  const result = await runScript(access, { script: NEED_SCRIPT, args: [toplevel], signal, timeoutMs: 30_000 });
  if (succeeded(result) && result.stdout.endsWith("need=complete\n")) return parseNeed(result.stdout);
  throw new ActivationError("activation/reboot-need", `cannot compare ${toplevel} with what booted: ${why(result)}`, {
    hint: "is it still in the host's store?",
  });
}

export function isRebootNeeded({ parts, requiredBy, onlyByReboot }: RebootNeed): boolean {
  return parts.length > 0 || requiredBy !== undefined || onlyByReboot;
}

/** `kernel 6.1.55 → 6.6.2, initrd; the host asks for it: libc6`; empty when there is no need. */
export function describeRebootNeed({ parts, requiredBy, onlyByReboot }: RebootNeed): string {
  const reasons = parts.length > 0 ? [parts.map(describePart).join(", ")] : [];
  if (onlyByReboot) reasons.push("it cannot be switched to");
  if (requiredBy !== undefined) reasons.push(["the host asks for it", requiredBy.join(" ")].filter(Boolean).join(": "));
  return reasons.join("; ");
}

function describePart({ part, from, to }: ChangedPart): string {
  if (from === undefined || to === undefined) return part;
  return from === to ? `${part} (another ${to})` : `${part} ${from} → ${to}`;
}

function why(result: Parameters<typeof lastLines>[0]): string {
  return lastLines(result, 1) || "it is not there";
}

/** Parses lines of `part=<name>␉<store path that was booted>␉<wanted one>`, `required=…`, `package=…`, `only_by_reboot=…`. */
export function parseNeed(text: string): RebootNeed {
  const parts: ChangedPart[] = [];
  const packages: string[] = [];
  let isRequired = false;
  let onlyByReboot = false;
  for (const line of text.split("\n")) {
    const equals = line.indexOf("=");
    const value = line.slice(equals + 1);
    switch (line.slice(0, equals)) {
      case "part": {
        const [name, from = "", to = ""] = value.split("\t");
        const part = BOOTED_PARTS.find((known) => known === name);
        if (part !== undefined) parts.push({ part, from: versionIn(from), to: versionIn(to) });
        break;
      }
      case "required":
        isRequired = true;
        break;
      case "package":
        if (!packages.includes(value)) packages.push(value);
        break;
      case "only_by_reboot":
        onlyByReboot = true;
        break;
    }
  }
  return { parts, requiredBy: isRequired ? packages : undefined, onlyByReboot };
}

/** The version in a store path's name, by Nix's rule: it begins after the first dash that no letter follows. */
export function versionIn(path: string): string | undefined {
  return /^\/nix\/store\/[a-z0-9]{32}-[^/]*?-([^a-zA-Z/-][^/]*)/.exec(path)?.[1];
}

export const NEED_SCRIPT = `${BOOT_FUNCTIONS}
toplevel=$1
tab=$(printf '\\t')
part() {
  case $1 in
    kernel-params) if [ -f "$root$2/$1" ]; then cat "$root$2/$1"; fi ;;
    *) leads_to "$2/$1" ;;
  esac
}
[ -e "$root$toplevel" ] || exit 1
if boots_itself; then
  booted=$(system_of "$root/run/booted-system")
  if [ -n "$booted" ] || [ -e "$root/etc/NIXOS" ]; then
    for name in ${BOOTED_PARTS.join(" ")}; do
      wanted=$(part "$name" "$toplevel")
      [ -n "$wanted" ] || continue
      had=
      [ -z "$booted" ] || had=$(part "$name" "$booted")
      [ "$had" != "$wanted" ] || continue
      if [ "$name" = kernel-params ]; then say part "$name"; else say part "$name$tab$had$tab$wanted"; fi
    done
  fi
  running=$(system_of "$root/run/current-system")
  if [ -n "$running" ] && [ -f "$root$toplevel/init-interface-version" ]; then
    [ "$(cat "$root$toplevel/init-interface-version")" = "$(cat "$root$running/init-interface-version" 2>/dev/null)" ] ||
      say only_by_reboot yes
  fi
  if [ -e "$root/run/reboot-required" ]; then
    say required yes
    sed 's/^/package=/' "$root/run/reboot-required.pkgs" 2>/dev/null
  fi
fi
say need complete
`;
