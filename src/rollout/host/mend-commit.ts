import type { AgentOrder } from "#activation";
import { acquireLease, describeCause, FINAL_STATES, followAgent, longestAgentMs, startAgent } from "#activation";
import type { StorePath } from "#store";
import type { ActivationScene } from "./activation-scene.ts";
import { accessTo } from "./activation-scene.ts";
import { revertRun } from "../run-id.ts";

/**
 * Makes what the host runs its default, after a reboot that cut its commit short: profile and boot loader name one system
 * again. The reboot took the lease and the agent with it, so both are begun anew.
 * @throws ActivationError when the host cannot be mended now; its next deployment does it.
 */
export async function mendCommit(scene: ActivationScene, { system }: { readonly system: StorePath }): Promise<void> {
  const { host, order, log, context } = scene;
  // Who resumes the run must tell the way back from the way there.
  const isBack = system !== order.toplevel;
  const run = isBack ? revertRun(order.run) : order.run;
  const access = accessTo(host, scene.connection);
  const signal = context.leave;
  const mending: AgentOrder = {
    ...order,
    run,
    goal: "boot",
    toplevel: system,
    // They were bound to the system before its boot default was to be written, and opened when it booted.
    secrets: undefined,
    record: { ...order.record, run, goal: "boot", from: isBack ? order.toplevel : order.record.from, to: system },
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
