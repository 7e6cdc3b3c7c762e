import { formatBytes, lastLines, succeeded } from "#core";
import type { StorePath } from "#store";
import { AGENT_SCRIPT } from "./agent-script.ts";
import type { DeploymentRecord } from "./deployment-record.ts";
import { formatRecord } from "./deployment-record.ts";
import { ActivationError } from "./errors.ts";
import type { HostAccess } from "./host-access.ts";
import { runScript } from "./host-access.ts";
import type { ProfilePath } from "./host-layout.ts";
import { runFolder } from "./host-layout.ts";
import { LEASE_FUNCTIONS, LEASE_LOST, leaseLost } from "./lease.ts";

/** What the agent of a run is to do. */
export interface AgentOrder {
  readonly run: string;
  /** `secrets`: the system stays, `toplevel` and `previous` are what runs. */
  readonly goal: "secrets" | "test" | "boot" | "switch";
  readonly toplevel: StorePath;
  /** The recorded system to go back to; undefined when the host runs none yet. */
  readonly previous: StorePath | undefined;
  readonly profile: ProfilePath;
  readonly nixos: boolean;
  /** Whether the agent gets a systemd unit; else it is a process of its own, as far from the login as that gets. */
  readonly systemd: boolean;
  /** For one run of switch-to-configuration. */
  readonly switchTimeoutMs: number;
  /** From the end of a successful activation until the host gives up waiting. */
  readonly confirmTimeoutMs: number;
  /** How generations are made: by `nix-env`, or with links alone. */
  readonly store: "nix" | "posix";
  /** The generation of secrets to use with the system; undefined when they stay as they are. */
  readonly secrets: number | "none" | undefined;
  /**
   * Whether a system that cannot be switched to is made what boots next, untested: the operator reboots into it and
   * proves it then. Else the host refuses it. Default: no.
   */
  readonly mayReboot?: boolean | undefined;
  readonly record: DeploymentRecord;
}

/** How long an agent may be at work in all, everything that can go wrong included. */
export function longestAgentMs({ switchTimeoutMs, confirmTimeoutMs }: AgentOrder): number {
  return 5 * switchTimeoutMs + confirmTimeoutMs + 40_000;
}

/**
 * Starts the agent in a transient systemd unit named after its run, once the lease is seen to be ours.
 * @throws ActivationError `activation/no-switch`, `activation/not-nixos`, `activation/no-room`, `activation/lease-lost`,
 *   `activation/agent`.
 */
export async function startAgent(
  access: HostAccess,
  order: AgentOrder,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const args = [
    order.run,
    order.goal,
    order.toplevel,
    order.previous ?? "",
    order.profile,
    seconds(order.switchTimeoutMs),
    seconds(order.confirmTimeoutMs),
    seconds(longestAgentMs(order)),
    order.nixos ? "nixos" : "other",
    order.systemd ? "systemd" : "process",
    order.store,
    formatRecord(order.record),
    order.secrets === undefined ? "" : String(order.secrets),
    order.mayReboot === true ? "reboot" : "",
  ];
  const result = await runScript(access, { script: START_SCRIPT, args, signal, timeoutMs: 30_000 });
  if (succeeded(result)) return;
  switch (result.exit.exitCode) {
    case EXIT.noSwitch:
      throw new ActivationError("activation/no-switch", `${order.toplevel} has no bin/switch-to-configuration`, {
        hint: "is the system's attribute a toplevel? for NixOS that is config.system.build.toplevel",
      });
    case EXIT.notNixos:
      throw new ActivationError(
        "activation/not-nixos",
        `${order.toplevel} has no nixos-version file, so it is no NixOS system, and the host is a NixOS host`,
        { hint: "deploy a NixOS configuration to it, or is this another host than you think?" },
      );
    case EXIT.noRoom: {
      const free = formatBytes(Number(/^free=(\d+)$/m.exec(result.stdout)?.[1] ?? 0) * 1024);
      throw new ActivationError(
        "activation/no-room",
        `only ${free} are free in /run, and with less than 16 MiB systemd reloads no units`,
        { hint: "see what fills it: du -xh /run | sort -h | tail" },
      );
    }
    case EXIT.leaseLost:
      throw leaseLost(undefined);
    case EXIT.atWork:
      throw new ActivationError(
        "activation/agent",
        `an agent of run ${order.run} is on the host already (${result.stdout.trim()}), and is left to it`,
        { hint: `skep resume ${order.run} goes on from where it is` },
      );
    case null:
    default:
      throw new ActivationError("activation/agent", `cannot start the agent on the host: ${lastLines(result)}`, {
        hint: "is there room in /run, and does `systemd-run true` work there?",
      });
  }
}

function seconds(ms: number): string {
  return String(Math.ceil(ms / 1000));
}

const EXIT = { noSwitch: 71, notNixos: 72, noRoom: 73, leaseLost: LEASE_LOST, atWork: 77 } as const;

/** What systemd wants free in /run before it reloads its units (since version 233: `RELOAD_DISK_SPACE_MIN`). */
const RELOAD_KIB = 16 * 1024;
/** Put by for the way back: that, and what else it writes. */
const RESERVE_KIB = RELOAD_KIB + 1024;

const RUNS = `$root${runFolder("")}`;

// The unit's name is made from the run's, so a second run cannot meet the first one's unit.
export const START_SCRIPT = `${LEASE_FUNCTIONS}
run=$1 goal=$2 toplevel=$3 previous=$4 profile=$5 switch_timeout=$6 confirm_timeout=$7 longest=$8 kind=$9
shift 9; launcher=$1 store=$2 record=$3 secrets=$4 reboot=$5
dir=${RUNS}$run
[ -x "$root$toplevel/bin/switch-to-configuration" ] || exit ${EXIT.noSwitch}
if [ "$kind" = nixos ] && [ ! -f "$root$toplevel/nixos-version" ]; then exit ${EXIT.notNixos}; fi
reserve=
if [ "$launcher" = systemd ]; then
  free=$(df -Pk /run | awk 'NR == 2 { print $4 }')
  [ "$free" -ge ${RELOAD_KIB} ] || { echo "free=$free"; exit ${EXIT.noRoom}; }
  [ "$free" -lt ${RELOAD_KIB + RESERVE_KIB} ] || reserve=yes
fi
lease_is_ours "$run" || exit ${EXIT.leaseLost}
for old in ${RUNS}*; do
  case $(readlink "$old/state") in committed | kept | rolled-back | stranded) rm -rf "$old" ;; esac
done
if [ -L "$dir/state" ]; then readlink "$dir/state"; exit ${EXIT.atWork}; fi
(umask 077 && mkdir -p "$dir") || exit 1
printf '%s\\n' "$record" >"$dir/record" || exit 1
: >"$dir/log" || exit 1
[ -z "$reserve" ] || head -c ${RESERVE_KIB * 1024} /dev/zero >"$dir/reserve" || rm -f "$dir/reserve"
cat >"$dir/agent" <<'SKEP_AGENT' || exit 1
${AGENT_SCRIPT}
SKEP_AGENT
if [ -n "$secrets" ]; then ln -sf "$secrets" "$dir/secrets" || exit 1; fi
if [ -n "$reboot" ]; then ln -sf "$reboot" "$dir/may-reboot" || exit 1; fi
ln -s testing "$dir/state" || exit 1
# From here on the lease is the agent's, and nobody gives it back.
renew_lease "$run" "$longest" || { rm -rf "$dir"; exit ${EXIT.leaseLost}; }
set -- "$run" "$goal" "$toplevel" "$previous" "$profile" "$switch_timeout" "$confirm_timeout" "$store"
if [ "$launcher" = process ]; then
  setsid sh -c 'agent=$1 root=$2; shift 2; sh "$agent" "$root" start "$@"; sh "$agent" "$root" after "$@"' \\
    skep-agent "$dir/agent" "$root" "$@" >>"$dir/agent.log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
  exit 0
fi
systemd-run --quiet --collect --unit="skep-$run" --description="skep deployment $run" \\
  --service-type=exec --property=OOMScoreAdjust=-900 --property=KillMode=process --property=TimeoutStopSec="$longest" \\
  --property="ExecStopPost=/bin/sh $dir/agent '' after $run $goal $toplevel '$previous' $profile $switch_timeout $confirm_timeout $store" \\
  --setenv=LOCALE_ARCHIVE="\${LOCALE_ARCHIVE-}" --setenv=NIXOS_INSTALL_BOOTLOADER=0 \\
  -- /bin/sh "$dir/agent" "$root" start "$@" </dev/null || { rm -rf "$dir"; exit 1; }
`;
