import type { AgentOrder, HostFacts } from "#activation";
import {
  acquireLease,
  decideAgent,
  describeCause,
  FINAL_STATES,
  installSecrets,
  longestAgentMs,
  startAgent,
} from "#activation";
import type { ActivationScene } from "../host/activation-scene.ts";
import { accessTo, watchAgent } from "../host/activation-scene.ts";
import { LEASE_TTL_MS } from "../host/keep-lease.ts";

/**
 * Secrets that only the operator opens are gone with a reboot: they are sent again, and what reads them is restarted. Where
 * the set at hand is not the one that the host waits for, a notice says what it waits for.
 * @param facts read after the reboot.
 * @throws ActivationError when they cannot be opened, or what reads them does not start with them.
 */
export async function bringSecretsAgain(scene: ActivationScene, facts: HostFacts): Promise<void> {
  const { host, log, context } = scene;
  const { waiting } = facts.secrets;
  if (waiting.length === 0) return;
  const set = await scene.readSecrets();
  if (set === undefined || set.id !== facts.secrets.set) {
    log.notice(`since its reboot it waits for secrets: ${waiting.join(", ")}; skep deploy secrets brings them`);
    return;
  }
  const access = accessTo(host, scene.connection);
  const signal = context.leave;
  const { toplevel } = scene.order;
  log.message("reboot", `bringing its secrets again: ${waiting.join(", ")}`);
  const { generation } = await installSecrets(access, { set, toplevel, mode: "install", signal });
  // Under the same name, and with the same record: the reboot took the first agent and all it left in memory.
  const order: AgentOrder = { ...scene.order, goal: "secrets", previous: toplevel, secrets: generation };
  await startAgent(access, order, { signal });
  scene.shownLines = 0;
  const until = ["waiting", "rolling-back", ...FINAL_STATES] as const;
  const tried = await watchAgent(scene, { step: "reboot", until, timeoutMs: longestAgentMs(order) });
  if (tried?.state !== "waiting") throw describeCause(tried, order);
  await decideAgent(access, { run: order.run, verdict: "confirmed", signal });
  const kept = await watchAgent(scene, { step: "reboot", until: FINAL_STATES, timeoutMs: longestAgentMs(order) });
  if (kept?.state !== "committed") throw describeCause(kept, order);
  // The agent gave the lease back, which is renewed for the checks by whoever took it before.
  const { id: run, operator: owner, goal } = context.run;
  await acquireLease(access, { run, owner, reason: `skep deploy ${goal}`, ttlMs: LEASE_TTL_MS, signal });
}
