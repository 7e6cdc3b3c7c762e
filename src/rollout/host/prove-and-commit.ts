import type { AgentStatus } from "#activation";
import { ActivationError, decideAgent, describeCause, FINAL_STATES, longestAgentMs, startAgent } from "#activation";
import { SshError } from "#ssh";
import type { ActivationScene } from "./activation-scene.ts";
import { accessTo, watchAgent } from "./activation-scene.ts";
import { checkHost } from "./check-host.ts";
import { logInAgain } from "./log-in.ts";
import { verifyCommitted } from "./verify-committed.ts";
import { whileAgentWaits } from "./while-agent-waits.ts";

/** How far the agent is when this operator comes to it. One that waits is come to with a login newer than its system. */
export type AgentProgress = "not-started" | "testing" | "waiting" | "committing";

/**
 * The way of one activation from where its agent is: test, a fresh login, the checks, the commit. The same for a run and
 * for one that is resumed.
 * @throws AgentNotStarted when the host is as it was; else what did not hold, and the host is to be settled.
 */
export async function proveAndCommit(
  scene: ActivationScene,
  { from }: { readonly from: AgentProgress },
): Promise<void> {
  const { order, log } = scene;
  if (order.goal === "boot" || from === "committing") {
    await log.step("commit", () => commitUnproven(scene, { from }));
    return;
  }
  if (from !== "waiting") {
    const tested = await log.step("test", () => testSystem(scene, from));
    if (!scene.byReboot) await log.step("login", () => logInFreshly(tested, scene));
  }
  if (scene.byReboot) {
    await log.step("commit", () => awaitCommit(scene));
    return;
  }
  await log.step("check", () => whileAgentWaits(scene, (signal) => checkHost(scene, { signal })));
  await log.step(order.goal === "test" ? "confirm" : "commit", () => confirmHost(scene));
}

/** The host refused the agent and is as it was: there is nothing to settle. */
export class AgentNotStarted extends Error {
  readonly reason: ActivationError;

  constructor(reason: ActivationError) {
    super(reason.message);
    this.reason = reason;
  }
}

async function start({ host, order, connection, context }: ActivationScene): Promise<void> {
  await context.decided?.();
  try {
    await startAgent(accessTo(host, connection), order, { signal: context.leave });
  } catch (error) {
    throw error instanceof ActivationError ? new AgentNotStarted(error) : error;
  }
}

/** Runs the new system, unless it turns out that only a reboot brings it: then `scene.byReboot` is set. */
async function testSystem(scene: ActivationScene, from: AgentProgress): Promise<{ readonly connectionLost: boolean }> {
  const { log } = scene;
  if (from === "not-started") await start(scene);
  try {
    await watchTest(scene, "test");
    return { connectionLost: false };
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    scene.context.leave.throwIfAborted();
    log.notice("the connection was lost during the activation, which goes on without it");
    return { connectionLost: true };
  }
}

async function watchTest(scene: ActivationScene, step: "test" | "login"): Promise<void> {
  const { order } = scene;
  const status = await watchAgent(scene, {
    step,
    until: ["waiting", "committing", "rolling-back", ...FINAL_STATES],
    timeoutMs: order.switchTimeoutMs + 30_000,
  });
  noteByReboot(scene, status);
  if (status?.state !== "waiting" && !scene.byReboot) throw describeCause(status, order);
}

function noteByReboot(scene: ActivationScene, status: AgentStatus | undefined): void {
  if (status?.byReboot !== true || scene.byReboot) return;
  scene.byReboot = true;
  scene.log.notice("only a reboot brings the new system, so it is made the default and proven after the reboot");
}

/** The proof that logins still work. The connection that carried the change is closed: what follows uses the new one. */
async function logInFreshly(tested: { readonly connectionLost: boolean }, scene: ActivationScene): Promise<void> {
  const { host, order, log, context } = scene;
  const fresh = await logInAgain(host, {
    logIn: (...login) => context.ports.logIn(...login),
    ssh: context.ssh,
    signal: context.leave,
    clock: context.clock,
    withinMs: order.confirmTimeoutMs + (tested.connectionLost ? order.switchTimeoutMs : 0),
  });
  log.logins += 1;
  const used = scene.connection;
  scene.connection = fresh;
  await used[Symbol.asyncDispose]();
  await watchTest(scene, "login");
}

/** Tells the agent that it may keep the system, and waits until it has done what the goal asks. */
async function confirmHost(scene: ActivationScene): Promise<void> {
  const { host, order, connection, context } = scene;
  await context.decided?.();
  await decideAgent(accessTo(host, connection), { run: order.run, verdict: "confirmed", signal: context.leave });
  await awaitCommit(scene);
}

/** Makes the system what boots next. Where its agent was told to already, waits for that. */
export async function commitUnproven(
  scene: ActivationScene,
  { from }: { readonly from: AgentProgress },
): Promise<void> {
  if (from === "not-started") await start(scene);
  await awaitCommit(scene);
}

/** Waits until the agent has done what the goal asks, and sees for itself. @throws why it did not. */
async function awaitCommit(scene: ActivationScene): Promise<void> {
  const { order } = scene;
  const status = await watchAgent(scene, {
    step: "commit",
    until: ["rolling-back", ...FINAL_STATES],
    timeoutMs: longestAgentMs(order),
  });
  noteByReboot(scene, status);
  if (status?.state === "kept") return;
  if (status?.state !== "committed") throw describeCause(status, order);
  await verifyCommitted(scene);
}
