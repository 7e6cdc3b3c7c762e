import type { AgentOrder } from "#activation";
import { acquireLease, describeCause, FINAL_STATES, followAgent, longestAgentMs, startAgent } from "#activation";
import type { StorePath } from "#store";
import type { ActivationScene } from "./activation-scene.ts";
import { accessTo } from "./activation-scene.ts";

/**
 * Makes what the host runs its default, after a reboot that cut its commit short: profile and boot loader name one system
 * again. The reboot took the lease and the agent with it, so both are begun anew.
 * @throws ActivationError when the host cannot be mended now; its next deployment does it.
 */
export async function mendCommit(scene: ActivationScene, { system }: { readonly system: StorePath }): Promise<void> {
  const { host, order, log, context } = scene;
  const { run } = order;
  const access = accessTo(host, scene.connection);
  const signal = context.leave;
  const mending: AgentOrder = {
    ...order,
    goal: "boot",
    toplevel: system,
    // They were bound to the system before its boot default was to be written, and opened when it booted.
    secrets: undefined,
    record: { ...order.record, goal: "boot", to: system },
  };
  await acquireLease(access, {
    ...{ run, owner: context.run.operator, reason: "mending a commit that was cut short" },
    ...{ ttlMs: longestAgentMs(mending), signal },
  });
  await startAgent(access, mending, { signal });
  const status = await followAgent(access, {
    ...{ run, until: FINAL_STATES, timeoutMs: longestAgentMs(mending), signal },
    onLogLine: (line) => {
      log.line("commit", line);
    },
  });
  if (status?.state !== "committed") throw describeCause(status, mending);
}
