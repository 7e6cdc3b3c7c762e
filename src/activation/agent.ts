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
import { LEASE_FUNCTIONS, leaseLost } from "./lease.ts";

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

/** Where an agent can be. The states it can stay in for long come first. */
export type AgentState =
  "testing" | "waiting" | "committing" | "rolling-back" | "committed" | "kept" | "rolled-back" | "stranded";

/** What an agent says of itself. */
export interface AgentStatus {
  readonly state: AgentState;
  /** Why it went back, in the words of agent-script.ts. */
  readonly cause: string | undefined;
  readonly generation: number | undefined;
  /** Whether the system could not be switched to, and so was made what boots next without being tested. */
  readonly byReboot: boolean;
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

/** Reads where the agent of a run is; undefined when the host knows no such run (it was rebooted, or none was begun). */
async function readAgent(
  access: HostAccess,
  { run, signal }: { readonly run: string; readonly signal?: AbortSignal | undefined },
): Promise<AgentStatus | undefined> {
  const result = await runScript(access, { script: READ_SCRIPT, args: [run], signal, timeoutMs: 20_000 });
  return parseStatus(result.stdout);
}

export interface FollowOptions {
  readonly run: string;
  /** The states to wait for. */
  readonly until: readonly AgentState[];
  /** Lines of the log that were seen already. */
  readonly seenLines?: number | undefined;
  readonly onLogLine?: ((line: string) => void) | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits for the agent to reach one of some states, with its log line by line as it comes.
 * @returns where it is: in one of those states, or in another when its unit is gone and no state will follow;
 *   undefined when the host knows no such run.
 * @throws when the connection is lost or the deadline passes: the agent goes on.
 */
export async function followAgent(access: HostAccess, options: FollowOptions): Promise<AgentStatus | undefined> {
  const { run, until, seenLines = 0, onLogLine, timeoutMs, signal } = options;
  const result = await runScript(access, {
    script: FOLLOW_SCRIPT,
    args: [run, ` ${until.join(" ")} `, String(seenLines)],
    timeoutMs,
    signal,
    onStdoutLine: (line) => {
      if (line.startsWith("log ")) onLogLine?.(line.slice(4));
    },
  });
  return parseStatus(result.stdout);
}

/** What the operator, or another run that took the host over, may decide. */
export type Verdict = "confirmed" | "refused" | "stolen";

/**
 * Tells the agent what was decided; the first verdict stands.
 * @returns the verdict that stands: `expired` when the agent gave up before; undefined when the host knows no such run.
 * @throws ActivationError `activation/lease-lost` when a confirmation comes after another run took the host over.
 */
export async function decideAgent(
  access: HostAccess,
  {
    run,
    verdict,
    signal,
  }: { readonly run: string; readonly verdict: Verdict; readonly signal?: AbortSignal | undefined },
): Promise<Verdict | "expired" | undefined> {
  const result = await runScript(access, { script: DECIDE_SCRIPT, args: [run, verdict], signal, timeoutMs: 20_000 });
  if (result.exit.exitCode === EXIT.leaseLost) throw leaseLost(undefined);
  const standing = /^verdict=(\w+)$/m.exec(result.stdout)?.[1];
  return standing as Verdict | "expired" | undefined;
}

/**
 * Tells the agent of a run whose lease was taken over to go back, and waits until it has. An agent that is at its end, or
 * dead, is left as it is.
 */
export async function turnBackAgent(
  access: HostAccess,
  {
    run,
    timeoutMs,
    signal,
  }: { readonly run: string; readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<AgentStatus | undefined> {
  const found = await readAgent(access, { run, signal });
  if (found === undefined || isFinal(found.state)) return found;
  await decideAgent(access, { run, verdict: "stolen", signal });
  return followAgent(access, { run, until: FINAL_STATES, timeoutMs, signal });
}

/** The states an agent ends in. */
export const FINAL_STATES = ["committed", "kept", "rolled-back", "stranded"] as const satisfies readonly AgentState[];

function isFinal(state: AgentState): state is (typeof FINAL_STATES)[number] {
  return (FINAL_STATES as readonly AgentState[]).includes(state);
}

function parseStatus(text: string): AgentStatus | undefined {
  const field = (name: string): string | undefined => new RegExp(`^${name}=(.+)$`, "m").exec(text)?.[1];
  const state = field("state");
  if (state === undefined) return undefined;
  const generation = field("generation");
  return {
    state: state as AgentState,
    cause: field("cause"),
    generation: generation === undefined ? undefined : Number(generation),
    byReboot: field("by_reboot") !== undefined,
  };
}

function seconds(ms: number): string {
  return String(Math.ceil(ms / 1000));
}

const EXIT = { noSwitch: 71, notNixos: 72, noRoom: 73, leaseLost: 75, atWork: 77 } as const;

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

const SAY_STATUS = `
say_status() {
  echo "state=$(readlink "$dir/state")"
  [ -L "$dir/cause" ] && echo "cause=$(readlink "$dir/cause")"
  [ -L "$dir/generation" ] && echo "generation=$(readlink "$dir/generation")"
  [ -L "$dir/by-reboot" ] && echo "by_reboot=yes"
  return 0
}
`;

export const READ_SCRIPT = `${SAY_STATUS}
dir=${RUNS}$1
[ -L "$dir/state" ] && say_status
exit 0
`;

const AGENT_IS_ALIVE = `
agent_is_alive() {
  if [ -e "$dir/pid" ]; then kill -0 "$(cat "$dir/pid")" 2>/dev/null; return; fi
  case $(systemctl show --property=ActiveState --value "skep-$1" 2>/dev/null) in
    active | activating | deactivating | reloading) return 0 ;;
  esac
  return 1
}
`;

export const FOLLOW_SCRIPT = `${SAY_STATUS}${AGENT_IS_ALIVE}
dir=${RUNS}$1 until=$2 seen=$3
say_log() {
  total=$(wc -l <"$dir/log")
  if [ "$total" -gt "$seen" ]; then
    sed -n "$((seen + 1)),$((total))s/^/log /p" "$dir/log"
    seen=$total
  fi
}
ticks=0
while [ -L "$dir/state" ]; do
  ticks=$((ticks + 1))
  alive=yes
  if [ $((ticks % 20)) -eq 0 ] && ! agent_is_alive "$1"; then alive=no; fi
  state=$(readlink "$dir/state")
  say_log
  case $until in *" $state "*) say_log; say_status; exit 0 ;; esac
  [ "$alive" = yes ] || { say_status; exit 0; }
  sleep 0.1
done
exit 0
`;

export const DECIDE_SCRIPT = `${LEASE_FUNCTIONS}
dir=${RUNS}$1
[ -d "$dir" ] || exit 0
if [ "$2" = confirmed ] && ! lease_is_ours "$1"; then exit ${EXIT.leaseLost}; fi
ln -s "$2" "$dir/verdict" 2>/dev/null
echo "verdict=$(readlink "$dir/verdict")"
`;
