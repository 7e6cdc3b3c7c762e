import type { AgentOrder, HostFacts } from "#activation";
import { ActivationError, howToBootPrevious, probeHost, releaseLease } from "#activation";
import { messageOf } from "#core";
import type { StorePath } from "#store";
import type { ActivationScene } from "../host/activation-scene.ts";
import { accessTo } from "../host/activation-scene.ts";
import { RolloutError } from "../errors.ts";
import type { Ending } from "../host/host-log.ts";
import { endingOf } from "../host/host-log.ts";
import { keepLease } from "../host/keep-lease.ts";
import { logInAgain } from "../host/log-in.ts";
import { commitUnproven } from "../host/prove-and-commit.ts";
import { checkAgain } from "../host/settle-host.ts";
import { revertRun } from "../run-id.ts";
import { rebootScene } from "./reboot-scene.ts";

const LOGIN_WITHIN_MS = 60_000;

/**
 * Takes a host back whose reboot did not end well: what it ran before becomes what boots next, and it is rebooted into that
 * unless it runs it. A host that nobody can log in to, or that had nothing before, is stranded; so is one that was proven
 * before the reboot and only refused to reboot, for that takes nothing from it.
 * @param error what failed; the host's report carries it.
 */
export async function goBackByReboot(error: unknown, scene: ActivationScene): Promise<Ending> {
  const { host, order } = scene;
  const { previous } = order;
  if (previous === undefined || !isWayBackOpen(error, scene)) return endingOf("stranded", error, host.name);
  try {
    await goBack(error, { scene, previous });
    return endingOf("rolled-back", error, host.name);
  } catch (failure) {
    if (scene.context.leave.aborted) return endingOf("stranded", left(previous), host.name);
    const message = `${messageOf(error)}; going back to ${previous} failed: ${messageOf(failure)}`;
    const hint = howToBootPrevious(order);
    return endingOf("stranded", new RolloutError("rollout/stranded", message, { hint, cause: error }), host.name);
  }
}

function left(previous: StorePath): RolloutError {
  return new RolloutError("rollout/interrupted", `left while it went back to ${previous} by a reboot`, {
    hint: "skep resume sees it there",
  });
}

function isWayBackOpen(error: unknown, { context, order, byReboot }: ActivationScene): boolean {
  // Where only its secrets changed, a boot of the same system brings the same secrets.
  if (order.previous === order.toplevel) return false;
  if (context.leave.aborted || !(error instanceof ActivationError)) return false;
  switch (error.code) {
    case "activation/reboot-unwell":
    case "activation/reboot-other-system":
      return true;
    case "activation/reboot":
      return byReboot;
    default:
      return false;
  }
}

async function goBack(
  error: unknown,
  { scene, previous }: { readonly scene: ActivationScene; readonly previous: StorePath },
): Promise<void> {
  const { host, log, order, context } = scene;
  const signal = context.leave;
  const way = await log.step("roll-back", async () => {
    const used = scene.connection;
    scene.connection = await logInAgain(host, {
      logIn: (...login) => context.ports.logIn(...login),
      ...{ ssh: context.ssh, signal, clock: context.clock, withinMs: LOGIN_WITHIN_MS },
    });
    log.logins += 1;
    await used[Symbol.asyncDispose]();
    const access = accessTo(host, scene.connection);
    const facts = await probeHost(access, { signal });
    if (facts.profile.system !== order.toplevel) throw changedByOthers(facts);
    await releaseLease(access, { run: order.run, isSettled: true, signal });
    const back = wayBack(scene, { previous, facts });
    await using _lease = await keepLease(access, { log, context: back.context });
    await commitUnproven(back, { from: "not-started" });
    if (facts.running === previous) await checkAgain(back, { error, system: previous });
    return { back, isThere: facts.running === previous };
  });
  if (!way.isThere) await bootPrevious(way.back, { error });
  scene.connection = way.back.connection;
}

/**
 * Reboots a host into what it ran before and is the default again.
 * @param options.error why it goes back.
 * @param options.askedIn the id of the boot in which it was asked already; default: it is asked.
 * @throws when it does not come up well.
 */
export async function bootPrevious(
  back: ActivationScene,
  { error, askedIn }: { readonly error: unknown; readonly askedIn?: string | undefined },
): Promise<void> {
  const system = back.order.toplevel;
  await back.log.step("reboot", () => rebootScene(back, { askedIn, check: () => checkAgain(back, { error, system }) }));
}

/** A deployment of its own, under the name that a run's ways back have. */
function wayBack(
  scene: ActivationScene,
  { previous, facts }: { readonly previous: StorePath; readonly facts: HostFacts },
): ActivationScene {
  const { order, before, context, host } = scene;
  const run = { ...context.run, id: revertRun(context.run.id) };
  const backOrder: AgentOrder = {
    ...order,
    ...{
      run: run.id,
      goal: "boot",
      toplevel: previous,
      previous: order.toplevel,
      secrets: undefined,
      mayReboot: false,
    },
    record: { ...order.record, run: run.id, goal: "boot", from: order.toplevel, to: previous },
  };
  const now = {
    bootId: facts.bootId,
    secrets: facts.secrets.generation,
    baseline: before?.baseline ?? { failedUnits: undefined, answers: [] },
  };
  context.emit({ type: "baseline", host: host.name, run: run.id, before: now });
  return {
    ...scene,
    ...{ order: backOrder, before: now, soakMs: 0, shownLines: 0, byReboot: true },
    context: { ...context, run },
  };
}

function changedByOthers({ profile }: HostFacts): RolloutError {
  return new RolloutError("rollout/stranded", `somebody else made ${profile.system ?? "another system"} its default`, {
    hint: "see the host's deployment records for who did",
  });
}
