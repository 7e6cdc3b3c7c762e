import type { AgentStatus, HostFacts } from "#activation";
import { decideAgent, FINAL_STATES, longestAgentMs, probeHost, releaseLease } from "#activation";
import { formatDuration, messageOf } from "#core";
import { assertHealthy, passedBefore, runChecks } from "#health";
import { SshError } from "#ssh";
import type { StorePath } from "#store";
import type { ActivationScene } from "./activation-scene.ts";
import { accessTo, checkedHost, watchAgent } from "./activation-scene.ts";
import { checkHost } from "./check-host.ts";
import { RolloutError } from "../errors.ts";
import type { Ending } from "./host-log.ts";
import { endingOf } from "./host-log.ts";
import { logInAgain } from "./log-in.ts";
import { mendCommit } from "./mend-commit.ts";

const SECRETS_LINK = "/run/skep/secrets";

/**
 * Finds out where a host ends after something failed under way, and helps it back: tells the agent to go back, waits for
 * it, and checks what came back. Needs no luck: where the host cannot be reached, its agent does the same alone, and is
 * asked later.
 * @param error what failed; the host's report carries it.
 */
export async function settleHost(error: unknown, scene: ActivationScene): Promise<Ending> {
  const { host, log, order } = scene;
  if (isLeft(scene)) return leftToItself(scene);
  try {
    return await log.step("roll-back", async () => {
      const status = await reachAgent(scene);
      // An agent at its end gave the lease back; one that was killed did not.
      const access = accessTo(host, scene.connection);
      await releaseLease(access, { run: order.run, isSettled: true, signal: scene.context.leave });
      return endingFor(status, error, scene);
    });
  } catch (unsettled) {
    if (isLeft(scene)) return leftToItself(scene);
    if (unsettled instanceof SshError) {
      const message = `${unsettled.message}, so nobody could see whether it went back to ${order.previous ?? "nothing"}`;
      const hint = "its agent goes back by itself; look at the host's console, and deploy again when it is reachable";
      return endingOf("stranded", new RolloutError("rollout/unreachable", message, { hint, cause: error }), host.name);
    }
    return endingOf("stranded", unsettled, host.name);
  }
}

/** Asks the agent to go back and waits until it is at its end; over the connection in hand, else over a new one. */
async function reachAgent(scene: ActivationScene): Promise<AgentStatus | undefined> {
  const { host, order, log, context } = scene;
  const withinMs = longestAgentMs(order);
  try {
    return await turnBack(scene);
  } catch (error) {
    if (!(error instanceof SshError) || context.leave.aborted) throw error;
  }
  const used = scene.connection;
  scene.connection = await logInAgain(host, {
    logIn: (...login) => context.ports.logIn(...login),
    ssh: context.ssh,
    signal: context.leave,
    clock: context.clock,
    withinMs,
  });
  log.logins += 1;
  await used[Symbol.asyncDispose]();
  return turnBack(scene);
}

async function turnBack(scene: ActivationScene): Promise<AgentStatus | undefined> {
  const { order, connection, context } = scene;
  await decideAgent(accessTo(scene.host, connection), { run: order.run, verdict: "refused", signal: context.leave });
  return watchAgent(scene, { step: "roll-back", until: FINAL_STATES, timeoutMs: longestAgentMs(order) });
}

async function endingFor(status: AgentStatus | undefined, error: unknown, scene: ActivationScene): Promise<Ending> {
  const { host, log, order, connection, context } = scene;
  const facts = await probeHost(accessTo(host, connection), { signal: context.leave });
  log.generation = facts.profile.generation;
  if (facts.cutCommit?.run === order.run) {
    // Gone with a reboot; one that is there tried already what there is to try, with the disk as full as it is.
    if (status === undefined) return endingOfCutCommit(facts, error, scene);
    log.notice(
      "the old boot default could not be written again; the next deployment makes profile and boot loader agree",
    );
  }
  switch (status?.state) {
    case "committed":
    case "kept":
      if (status.byReboot) scene.byReboot = true;
      if (facts.running !== order.toplevel && !scene.byReboot) throw strandedError(facts, error, scene);
      log.notice("the connection was lost on the way, but the host was confirmed and has the new system");
      return { outcome: "deployed" };
    case "stranded":
      throw strandedError(facts, error, scene);
    case undefined:
    case "rolled-back":
    case "testing":
    case "waiting":
    case "committing":
    case "rolling-back":
      break;
  }
  // The agent says it went back, or is gone with a reboot: what the host really runs decides.
  if (facts.running !== order.previous) throw strandedError(facts, error, scene);
  if (scene.byReboot || status?.byReboot === true) return endingOf("failed", error, host.name);
  const { before } = scene;
  const generation = before?.secrets;
  if (order.secrets !== undefined && facts.secrets.generation !== generation && facts.bootId === before?.bootId) {
    throw new RolloutError("rollout/stranded", `${messageOf(error)}; it did not go back to its secrets`, {
      hint: `on the host, make ${SECRETS_LINK} lead to secrets.d/${generation ?? "…"} and restart what reads them`,
      cause: error,
    });
  }
  await checkAgain(scene, { error, system: order.previous });
  // Its agent refused the system before anything of it was activated.
  const isUntouched = status?.cause === "only-by-reboot";
  return endingOf(isUntouched ? "failed" : "rolled-back", error, host.name);
}

/** A reboot came into the commit: what the host came up with is made its default, and proven. */
async function endingOfCutCommit(facts: HostFacts, error: unknown, scene: ActivationScene): Promise<Ending> {
  const { host, order, log, context } = scene;
  const system = facts.running;
  if (system === undefined || ![order.toplevel, order.previous].includes(system)) {
    throw strandedError(facts, error, scene);
  }
  await mendCommit(scene, { system });
  log.generation = (await probeHost(accessTo(host, scene.connection), { signal: context.leave })).profile.generation;
  if (system === order.toplevel) {
    log.notice("it was rebooted in the middle of its commit and came up with the new system, which was committed then");
    await checkHost(scene, { soakMs: 0 });
    return { outcome: "deployed" };
  }
  await checkAgain(scene, { error, system });
  return endingOf("rolled-back", error, host.name);
}

/**
 * What passed before the change must pass after going back.
 * @param options.error why it went back.
 * @param options.system what it went back to.
 * @throws RolloutError `rollout/stranded`.
 */
export async function checkAgain(
  scene: ActivationScene,
  { error, system }: { readonly error: unknown; readonly system: StorePath | undefined },
): Promise<void> {
  const { before, host, connection, log, context } = scene;
  if (before === undefined) return;
  const { baseline } = before;
  const results = await runChecks(passedBefore(host.checks, baseline), {
    baseline,
    host: checkedHost(host, connection),
    clock: context.clock,
    signal: context.leave,
    onAttempt: (check, answer) => {
      if (!answer.passed) log.message("roll-back", `waiting for ${check.name}: ${answer.seen}`);
    },
  });
  try {
    assertHealthy(results);
  } catch (unhealthy) {
    const message = `${messageOf(error)}; it went back to ${system ?? ""}, which is ${messageOf(unhealthy)}`;
    throw new RolloutError("rollout/stranded", message, {
      hint: "the old system runs again but is not well: log in and see its services' journal",
      cause: error,
    });
  }
}

function strandedError(facts: HostFacts, error: unknown, { order }: ActivationScene): RolloutError {
  const runs = `it runs ${facts.running ?? "no system of ours"}`;
  if (order.previous === undefined) {
    return new RolloutError("rollout/nothing-to-go-back-to", `${messageOf(error)}; ${runs}`, {
      hint: "this was the host's first deployment, so there was nothing to go back to; mend the system and deploy again",
      cause: error,
    });
  }
  return new RolloutError("rollout/stranded", `${messageOf(error)}; going back to ${order.previous} failed: ${runs}`, {
    hint: `log in and run ${order.previous}/bin/switch-to-configuration test by hand`,
    cause: error,
  });
}

function isLeft({ context }: ActivationScene): boolean {
  return context.leave.aborted;
}

function leftToItself({ host, order }: ActivationScene): Ending {
  const longest = formatDuration(longestAgentMs(order));
  const error = new RolloutError("rollout/interrupted", `left to its agent, which ends the matter within ${longest}`, {
    hint: "the host goes back by itself unless it was confirmed already",
  });
  return endingOf("stranded", error, host.name);
}
