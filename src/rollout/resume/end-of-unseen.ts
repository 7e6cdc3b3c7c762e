import { ActivationError } from "#activation";
import { formatDuration } from "#core";
import { SshError } from "#ssh";
import { RolloutError } from "../errors.ts";
import type { DeployContext } from "../host/deploy-context.ts";
import type { Ending } from "../host/host-log.ts";
import { endingOf } from "../host/host-log.ts";
import { JournalError } from "../journal/errors.ts";
import type { HostStanding } from "../journal/read-journal.ts";

/** How a host ends of which nobody could see where it is. */
export function endOfUnseen(
  error: unknown,
  { standing, context }: { readonly standing: HostStanding; readonly context: DeployContext },
): Ending {
  if (context.leave.aborted) {
    const left = new RolloutError("rollout/interrupted", "the run was stopped again before the host was looked at", {
      hint: "skep resume takes it up again",
    });
    return endingOf(isActivating(standing) ? "stranded" : "failed", left, standing.name);
  }
  if (!isActivating(standing)) return endingOf("failed", error, standing.name);
  const { rebootingSince } = standing;
  if (rebootingSince !== undefined && error instanceof SshError) {
    const since = formatDuration(Math.max(0, context.clock.now() - rebootingSince));
    const away = `nobody can log in since it was asked to reboot ${since} ago: ${error.message}`;
    const hint = "look at its console; the system it ran before is in its boot menu";
    return endingOf(
      "stranded",
      new ActivationError("activation/reboot-not-back", away, { hint, cause: error }),
      standing.name,
    );
  }
  const message = "nobody could see where its activation ended";
  const unseen = new JournalError("rollout/not-resumed", `${message}: ${error instanceof Error ? error.message : ""}`, {
    hint: "its agent goes back by itself unless it was confirmed; skep resume asks again",
    cause: error,
  });
  return endingOf("stranded", unseen, standing.name);
}

const ACTIVATING: ReadonlySet<string> = new Set(["test", "login", "check", "confirm", "commit", "roll-back", "reboot"]);

/** Whether the host was at something that goes on by itself when its run broke off. */
export function isActivating({ step }: HostStanding): boolean {
  return step !== undefined && ACTIVATING.has(step);
}
