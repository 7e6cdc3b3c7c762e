import type { HostAccess } from "./host-access.ts";
import { runScript } from "./host-access.ts";
import { runFolder } from "./host-layout.ts";
import { LEASE_FUNCTIONS, LEASE_LOST, leaseLost } from "./lease.ts";

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

/** Reads where the agent of a run is; undefined when the host knows no such run (it was rebooted, or none was begun). */
export async function readAgent(
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
 * Waits for the agent to reach one of some states, with its log line by line as it comes. Who waits for `rolling-back` gets
 * no line of the way back, however fast it is: that is no part of what failed.
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
  if (result.exit.exitCode === LEASE_LOST) throw leaseLost(undefined);
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

const RUNS = `$root${runFolder("")}`;

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
  case $until in *" rolling-back "*) [ ! -L "$dir/back-from" ] || total=$(readlink "$dir/back-from") ;; esac
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
if [ "$2" = confirmed ] && ! lease_is_ours "$1"; then exit ${LEASE_LOST}; fi
ln -s "$2" "$dir/verdict" 2>/dev/null
echo "verdict=$(readlink "$dir/verdict")"
`;
