/**
 * A reboot, as a host is asked for it and seen through it.
 *
 * What asks runs in a unit of its own (or a process of its own where there is no systemd to ask), a second after the
 * request was answered, so that it needs no connection. A host that refuses says so in /run/skep/reboot, which goes with
 * the reboot like everything in /run.
 */
import { lastLines, succeeded } from "#core";
import type { StorePath } from "#store";
import { parseStorePath } from "#store";
import { BOOT_FUNCTIONS } from "./boot-functions.ts";
import { ActivationError } from "./errors.ts";
import type { HostAccess } from "./host-access.ts";
import { runScript } from "./host-access.ts";
import { hostLayout, runFolder } from "./host-layout.ts";
import type { AgentOrder } from "./start-agent.ts";

/** Which system is to come up, and what was before it. */
export type RebootOrder = Pick<AgentOrder, "run" | "toplevel" | "previous" | "profile">;

/** What a host says of its boot. */
export interface BootState {
  /** The kernel's boot id: changes with every boot. */
  readonly bootId: string;
  /** The system it runs: where `/run/current-system` leads; not yet set early in a boot. */
  readonly running: StorePath | undefined;
  /** What `systemctl is-system-running` says: `starting`, `running`, `degraded`, `stopping` …; undefined without systemd. */
  readonly state: string | undefined;
  /** Why it did not reboot although it was asked to; undefined as long as it may yet. */
  readonly refusal: string | undefined;
}

/**
 * Asks a host to reboot, once it is seen that the run's agent is at its end and that the wanted system is what boots.
 * @returns the id of the boot that is to end.
 * @throws ActivationError `activation/reboot` when it is not asked, or cannot be.
 */
export async function requestReboot(
  access: HostAccess,
  { run, toplevel, profile, signal }: Omit<RebootOrder, "previous"> & { readonly signal?: AbortSignal | undefined },
): Promise<{ readonly bootId: string }> {
  const args = [run, toplevel, profile];
  const result = await runScript(access, { script: REBOOT_SCRIPT, args, signal, timeoutMs: 30_000 });
  const field = readFields(result.stdout);
  const bootId = field("boot_id");
  if (succeeded(result) && bootId !== undefined) return { bootId };
  switch (result.exit.exitCode) {
    case EXIT.noBoot:
      throw new ActivationError(
        "activation/reboot",
        access.root === ""
          ? "cannot ask the host to reboot: it has no systemctl"
          : `cannot reboot what lies in ${access.root}: it is a folder on another host`,
        { hint: "deploy with --reboot never" },
      );
    case EXIT.busy:
      throw new ActivationError(
        "activation/reboot",
        `not rebooted: the run's agent is ${field("agent") ?? "at work"}`,
        {
          hint: `see \`journalctl -u skep-${run}\` on the host`,
        },
      );
    case EXIT.otherSystem:
      throw new ActivationError(
        "activation/reboot",
        `not rebooted: it would boot ${field("boots") ?? "no system of ours"} instead of ${toplevel}`,
        { hint: "somebody else changed the host in the same moment; see its journal" },
      );
    case null:
    default:
      throw new ActivationError("activation/reboot", `cannot ask the host to reboot: ${lastLines(result)}`, {
        hint: "is there room in /run, and does `systemd-run true` work there?",
      });
  }
}

/**
 * Asks a host, on its way down, up, or neither, which boot it is in and how far.
 * @returns undefined when it answered in part, as a host may that goes down in the same moment.
 */
export async function readBootState(
  access: HostAccess,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<BootState | undefined> {
  const result = await runScript(access, { script: BOOT_SCRIPT, signal, timeoutMs: 20_000 });
  const field = readFields(result.stdout);
  const bootId = field("boot_id");
  if (!succeeded(result) || bootId === undefined) return undefined;
  const running = field("running");
  return {
    bootId,
    running: running === undefined ? undefined : parseStorePath(running),
    state: field("state"),
    refusal: field("refusal"),
  };
}

/** What to do by hand to have the previous system back on a host that did not come up well. */
export function howToBootPrevious({ previous, profile }: RebootOrder): string {
  if (previous === undefined) return "it ran no system of ours before: look at its console";
  const back = `${previous}/bin/switch-to-configuration boot`;
  return (
    `to have ${previous} back, choose its generation in the boot menu at the console; ` +
    `or, where you can log in, make it the newest generation of ${profile}, run ${back}, and reboot`
  );
}

/** Reads one of the lines `key=value` of a script's output; undefined when there is none, or it is empty. */
function readFields(text: string): (key: string) => string | undefined {
  return (key) => new RegExp(`^${key}=(.+)$`, "m").exec(text)?.[1];
}

const EXIT = { noBoot: 73, busy: 74, otherSystem: 76 } as const;

const REFUSAL = `${hostLayout.lease.slice(0, hostLayout.lease.lastIndexOf("/"))}/reboot`;

export const REBOOT_SCRIPT = `${BOOT_FUNCTIONS}
run=$1 toplevel=$2 profile=$root$3
boots_itself || exit ${EXIT.noBoot}
agent=$(readlink "$root${runFolder("")}$run/state")
case $agent in testing | waiting | committing | rolling-back) say agent "$agent"; exit ${EXIT.busy} ;; esac
boots=$(system_of "$profile")
[ "$boots" = "$toplevel" ] || { say boots "$boots"; exit ${EXIT.otherSystem}; }
refusal=$root${REFUSAL}
mkdir -p "\${refusal%/*}" && rm -f "$refusal" || exit 1
ask='sleep 1; "$1" reboot >"$2.new" 2>&1 && exit 0; echo "systemctl reboot failed" >>"$2.new"; mv -f "$2.new" "$2"'
say_boot_id
# Who asks again finds it on its way.
[ "$("$systemctl" is-system-running 2>/dev/null </dev/null)" != stopping ] || exit 0
if [ -z "$root" ] && command -v systemd-run >/dev/null; then
  systemd-run --quiet --collect --unit="skep-reboot-$run" --description="skep reboots for $run" \\
    -- /bin/sh -c "$ask" skep-reboot "$systemctl" "$refusal" </dev/null
else
  setsid sh -c "$ask" skep-reboot "$systemctl" "$refusal" >/dev/null 2>&1 </dev/null &
fi
`;

export const BOOT_SCRIPT = `${BOOT_FUNCTIONS}
say_boot_id
say running "$(system_of "$root/run/current-system")"
if boots_itself; then say state "$(systemctl is-system-running 2>/dev/null </dev/null)"; fi
refusal=$root${REFUSAL}
if [ -s "$refusal" ]; then say refusal "$(head -n 1 "$refusal")"; fi
`;
