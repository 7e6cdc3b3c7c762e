import type { StorePath } from "#store";
import { parseStorePath } from "#store";
import { BOOT_FUNCTIONS } from "./boot-functions.ts";
import { ActivationError } from "./errors.ts";
import type { HostAccess } from "./host-access.ts";
import { readByScript } from "./host-access.ts";
import type { ProfilePath } from "./host-layout.ts";
import { hostLayout, profileFor } from "./host-layout.ts";
import type { LeaseHolder } from "./lease.ts";
import { parseHolder, SAY_HOLDER } from "./lease.ts";
import { secretsLayout } from "./secrets/secrets-layout.ts";

/** What a host is and what it runs, read in one round trip. */
export interface HostFacts {
  /** Who held its lease before the rest was read: what is under way may change that. One that has expired is told, too. */
  readonly lease: LeaseHolder | undefined;
  /** Whether it is a NixOS host (`/etc/NIXOS` is there). */
  readonly nixos: boolean;
  /** Whether systemd is its init. */
  readonly systemd: boolean;
  /** Version of the `nix-store` on the PATH. */
  readonly nixVersion: string | undefined;
  /** The system it runs: where `/run/current-system` leads. */
  readonly running: StorePath | undefined;
  /** The system it booted: where `/run/booted-system` leads. */
  readonly booted: StorePath | undefined;
  readonly profile: ProfileFacts;
  readonly secrets: SecretsFacts;
  /** A commit that nobody will finish: a loss of power cut it short, or the old boot default could not be written again. */
  readonly cutCommit: CutCommit | undefined;
  /** The kernel's boot id: changes with every boot. */
  readonly bootId: string;
  /** Bytes free where the store is. */
  readonly storeFreeBytes: number | undefined;
  /** Names of the units in state `failed`. */
  readonly failedUnits: readonly string[];
}

/** The secrets that are in the host's memory, and those it opens at the next boot. */
export interface SecretsFacts {
  /** The generation in use; undefined when there is none. */
  readonly generation: number | undefined;
  /** The id of its set. */
  readonly set: string | undefined;
  /** Names of those that only the operator can open, and that are not there since the host was booted. */
  readonly waiting: readonly string[];
  /** The id of the set that belongs to the system that boots next. */
  readonly bootSet: string | undefined;
}

/** What boots next may be another system than the profile names. */
export interface CutCommit {
  readonly run: string;
  /** What was to become the default. */
  readonly system: StorePath;
}

export interface ProfileFacts {
  readonly path: ProfilePath;
  /** The generation that is the default; undefined when there is none yet. */
  readonly generation: number | undefined;
  /** The system of that generation. */
  readonly system: StorePath | undefined;
}

/**
 * @throws ActivationError `activation/probe` when the host's answer makes no sense, `activation/not-root`.
 */
export async function probeHost(
  access: HostAccess,
  { signal, timeoutMs = 30_000 }: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number } = {},
): Promise<HostFacts> {
  const text = await readByScript(access, { what: "the state of the host", script: PROBE_SCRIPT, signal, timeoutMs });
  return parseFacts(text, access);
}

/** Parses what the probe script prints: lines of `key=value`, of which `failed` may come many times. */
export function parseFacts(text: string, { root }: Pick<HostAccess, "root">): HostFacts {
  const values = new Map<string, string>();
  const failedUnits: string[] = [];
  const waiting: string[] = [];
  for (const line of text.split("\n")) {
    const equals = line.indexOf("=");
    if (equals === -1) continue;
    const key = line.slice(0, equals);
    const value = line.slice(equals + 1);
    if (key === "failed") failedUnits.push(value);
    else if (key === "secrets_waiting") waiting.push(value);
    else values.set(key, value);
  }
  const value = (key: string): string | undefined => (values.get(key) === "" ? undefined : values.get(key));
  if (value("probe") !== "complete") {
    throw new ActivationError("activation/probe", "cannot read the state of the host: its answer was cut short", {
      hint: "a shell start-up file on the host may print or exit; it must do neither for non-interactive logins",
    });
  }
  if (value("uid") !== "0" && root === "") {
    throw new ActivationError("activation/not-root", `commands on the host run as uid ${value("uid") ?? "unknown"}`, {
      hint: 'log in as root, or set elevation: "sudo" with NOPASSWD for the login user',
    });
  }
  const nixos = value("nixos") === "yes";
  const freeKiB = Number(value("free_kib"));
  return {
    lease: parseHolder(text),
    nixos,
    systemd: value("systemd") === "yes",
    nixVersion: /\d+\.\d+\S*/.exec(value("nix") ?? "")?.[0],
    running: storePathOf(value("running")),
    booted: storePathOf(value("booted")),
    profile: {
      path: profileFor({ nixos }),
      generation: generationOf(value("profile_link")),
      system: storePathOf(value("profile_system")),
    },
    secrets: {
      generation: value("secrets_generation") === undefined ? undefined : Number(value("secrets_generation")),
      set: value("secrets_set"),
      waiting,
      bootSet: value("secrets_boot_set"),
    },
    cutCommit: cutCommitOf(value("cut_run"), storePathOf(value("cut_system"))),
    bootId: value("boot_id") ?? "",
    storeFreeBytes: Number.isFinite(freeKiB) && value("free_kib") !== undefined ? freeKiB * 1024 : undefined,
    failedUnits,
  };
}

function storePathOf(path: string | undefined): StorePath | undefined {
  return path === undefined ? undefined : parseStorePath(path);
}

function cutCommitOf(run: string | undefined, system: StorePath | undefined): CutCommit | undefined {
  return run === undefined || system === undefined ? undefined : { run, system };
}

function generationOf(link: string | undefined): number | undefined {
  const match = /-(\d+)-link$/.exec(link ?? "");
  return match === null ? undefined : Number(match[1]);
}

export const PROBE_SCRIPT = `${BOOT_FUNCTIONS}${SAY_HOLDER}
tab=$(printf '\\t')
[ ! -f "$lease" ] || say_holder
say uid "$(id -u)"
profile=$(default_profile)
[ ! -e "$root/etc/NIXOS" ] || say nixos yes
if [ -d "$root/run/systemd/system" ] && command -v systemd-run >/dev/null; then say systemd yes; fi
[ -n "$root" ] || say nix "$(nix-store --version 2>/dev/null | head -n 1)"
say running "$(system_of "$root/run/current-system")"
say booted "$(system_of "$root/run/booted-system")"
if [ -L "$profile" ]; then
  say profile_link "$(readlink "$profile")"
  say profile_system "$(system_of "$profile")"
fi
generation=$(readlink "$root${secretsLayout.link}")
if [ -n "$generation" ]; then
  say secrets_generation "\${generation##*/}"
  while IFS=$tab read -r what value _; do
    case $what in set) say secrets_set "$value" ;; waiting) say secrets_waiting "$value" ;; esac
  done <"$root${secretsLayout.generations}/\${generation##*/}.manifest"
fi
boots=$(system_of "$profile")
[ -z "$boots" ] || boot_set=$(readlink "$root${secretsLayout.kept}/systems/\${boots##*/}")
say secrets_boot_set "\${boot_set##*/}"
committing=$root${hostLayout.committing}
if [ -f "$committing" ]; then
  run=$(sed -n 's/^run=//p' "$committing")
  if [ "$(readlink "$root${hostLayout.runs}/$run/state")" != committing ]; then
    say cut_run "$run"
    say cut_system "$(sed -n 's/^system=//p' "$committing")"
  fi
fi
say_boot_id
store=$root/nix/store
while [ -n "$store" ] && [ ! -d "$store" ]; do store=\${store%/*}; done
say free_kib "$(df -P -k "\${store:-/}" 2>/dev/null | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\\([0-9]*\\).*/\\1/p')"
if [ -d "$root/run/systemd/system" ]; then
  systemctl list-units --state=failed --plain --no-legend --no-pager 2>/dev/null </dev/null |
    while read -r unit _; do say failed "$unit"; done
fi
say probe complete
`;
