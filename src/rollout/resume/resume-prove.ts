import { ActivationError, decideAgent, describeCause, FINAL_STATES, longestAgentMs, probeHost } from "#activation";
import { assertHealthy, runChecks } from "#health";
import type { ActivationScene } from "../host/activation-scene.ts";
import { accessTo, checkedHost, watchAgent } from "../host/activation-scene.ts";
import { logInAgain } from "../host/log-in.ts";

/**
 * The second half of an activation that another process began: once the agent waits, a login that is newer than the
 * system, the checks, and the confirmation.
 * @throws what did not hold: the host is to be settled.
 */
export async function proveAndConfirm(
  scene: ActivationScene,
  { isTesting, soakMs }: { readonly isTesting: boolean; readonly soakMs: number },
): Promise<void> {
  const { log, order } = scene;
  if (isTesting) {
    await log.step("test", () => waitUntilTested(scene));
    // The login in hand may be older than what is to be proven.
    await log.step("login", () => logInFreshly(scene));
  }
  await log.step("check", () => checkHost(scene, { soakMs }));
  await log.step(order.goal === "test" ? "confirm" : "commit", () => confirm(scene));
}

async function waitUntilTested(scene: ActivationScene): Promise<void> {
  const timeoutMs = scene.order.switchTimeoutMs + 30_000;
  const status = await watchAgent(scene, {
    step: "test",
    until: ["waiting", "rolling-back", ...FINAL_STATES],
    timeoutMs,
  });
  if (status?.state !== "waiting") throw describeCause(status, scene.order);
}

async function logInFreshly(scene: ActivationScene): Promise<void> {
  const { host, order, log, context } = scene;
  const fresh = await logInAgain(host, {
    logIn: (...login) => context.ports.logIn(...login),
    ssh: context.ssh,
    signal: context.leave,
    clock: context.clock,
    withinMs: order.confirmTimeoutMs,
  });
  log.logins += 1;
  const used = scene.connection;
  scene.connection = fresh;
  await used[Symbol.asyncDispose]();
}

async function checkHost(
  { host, connection, log, context }: ActivationScene,
  { soakMs }: { readonly soakMs: number },
): Promise<void> {
  const results = await runChecks(host.checks, {
    host: checkedHost(host, connection),
    soakMs,
    clock: context.clock,
    signal: context.leave,
    onAttempt: (check, answer) => {
      if (!answer.passed) log.message("check", `waiting for ${check.name}: ${answer.seen}`);
    },
  });
  assertHealthy(results);
}

async function confirm(scene: ActivationScene): Promise<void> {
  const { host, order, connection, context } = scene;
  await decideAgent(accessTo(host, connection), { run: order.run, verdict: "confirmed", signal: context.leave });
  await waitUntilKept(scene);
}

/** Waits until the agent has done what the goal asks, and sees for itself. @throws why it did not. */
export async function waitUntilKept(scene: ActivationScene): Promise<void> {
  const { order } = scene;
  const status = await watchAgent(scene, {
    step: "commit",
    until: ["rolling-back", ...FINAL_STATES],
    timeoutMs: longestAgentMs(order),
  });
  if (status?.state !== "kept" && status?.state !== "committed") throw describeCause(status, order);
  await verifyOutcome(scene);
}

/** Reads what the host runs and would boot: an agent's word is not taken for it. */
async function verifyOutcome({ host, order, connection, context, log }: ActivationScene): Promise<void> {
  const facts = await probeHost(accessTo(host, connection), { signal: context.leave });
  log.generation = facts.profile.generation;
  const { goal, toplevel } = order;
  const bootsIt = (goal !== "switch" && goal !== "boot") || facts.profile.system === toplevel;
  const runsIt = goal === "boot" || facts.running === toplevel;
  if (bootsIt && runsIt) return;
  const found = bootsIt ? facts.running : facts.profile.system;
  throw new ActivationError("activation/commit", `after the commit the host has ${found ?? "no system"}`, {
    hint: "somebody else changed the host in the same moment; see its journal",
  });
}
