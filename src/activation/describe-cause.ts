import type { AgentStatus } from "./agent.ts";
import type { AgentOrder } from "./start-agent.ts";
import { ActivationError } from "./errors.ts";
import { formatDuration } from "#core";

/** What switch-to-configuration means by its exit codes, after NixOS. */
const SWITCH_EXIT_CODES: Readonly<Record<string, string>> = {
  "4": " (some units failed)",
  "100": " (a reboot is needed)",
};

/** Why an agent did not keep the new system, as an error. */
export function describeCause(status: AgentStatus | undefined, order: AgentOrder): ActivationError {
  if (status === undefined) {
    return new ActivationError("activation/agent", "the host knows nothing of this run", {
      hint: "it was probably rebooted in the middle of the deployment",
    });
  }
  const [what = "", ...details] = (status.cause ?? "").split(":");
  const detail = details.join(":");
  const action = what === "commit" ? "boot" : "test";
  switch (what) {
    case "switch":
      return switchError(action, detail, order);
    case "only-by-reboot":
      return new ActivationError(
        "activation/reboot-needed",
        "only a reboot brings the new system, and none is to be done",
        {
          hint: "deploy with --reboot if-needed: it is made what boots next, proven after the reboot, and goes back by another",
        },
      );
    case "running":
      return new ActivationError("activation/switch", `after activation the host runs ${detail || "no system"}`, {
        hint: "the system's switch-to-configuration must set /run/current-system; is it complete?",
      });
    case "commit":
      return commitError(details, order);
    case "not-confirmed":
      return new ActivationError(
        "activation/not-confirmed",
        `the host was not confirmed within ${formatDuration(order.confirmTimeoutMs)} and went back by itself`,
        { hint: "if the checks need more time, raise activation.confirmTimeout" },
      );
    case "secrets":
      return detail === "swap"
        ? new ActivationError("activation/secrets", "the secrets could not be put in place", {
            hint: "its output (--verbose shows it) says what was in the way",
          })
        : new ActivationError("activation/switch", `with its changed secrets ${detail} did not start`, {
            hint: `see \`journalctl -u ${detail.split(" ")[0] ?? ""}\` on the host`,
          });
    case "stolen":
      return new ActivationError("activation/lease-lost", "another run took the host over, and it went back", {
        hint: "see what the other run did, then deploy again",
      });
    case "killed":
      return new ActivationError("activation/agent", "the agent on the host was killed, and the host went back", {
        hint: `see \`journalctl -u skep-${order.run}\` on the host`,
      });
    default:
      return new ActivationError("activation/agent", `the agent on the host ended in state ${status.state}`, {
        hint: `see \`journalctl -u skep-${order.run}\` on the host`,
      });
  }
}

function switchError(action: string, status: string, order: AgentOrder): ActivationError {
  if (status === "timeout") {
    const limit = formatDuration(order.switchTimeoutMs);
    return new ActivationError("activation/switch-timeout", `switch-to-configuration ${action} took over ${limit}`, {
      hint: "if it needs the time, raise activation.timeout; else see which unit it waited for",
    });
  }
  const meaning = SWITCH_EXIT_CODES[status] ?? "";
  const message = `switch-to-configuration ${action} ended with exit code ${status}${meaning}`;
  if (status === "100") {
    return new ActivationError("activation/reboot-needed", message, {
      hint: "deploy with --reboot if-needed: it is made what boots next, proven after the reboot, and goes back by another",
    });
  }
  return new ActivationError("activation/switch", message, {
    hint: "its output (--verbose shows it) and the host's journal say what failed",
  });
}

function commitError([what = "", status = ""]: readonly string[], order: AgentOrder): ActivationError {
  if (what === "boot") {
    const inner = switchError("boot", status, order);
    return new ActivationError("activation/commit", `cannot make the system the default: ${inner.message}`, {
      hint: "the boot loader could not be written; is /boot full?",
    });
  }
  if (what === "secrets") {
    return new ActivationError("activation/commit", "cannot keep the secrets for the next boot", {
      hint: "is the host's disk full, or /var/lib/skep or /etc/systemd/system not writable?",
    });
  }
  return new ActivationError("activation/commit", `cannot add a generation to ${order.profile}`, {
    hint: "is the host's disk full, or /nix read-only? its output is shown with --verbose",
  });
}
