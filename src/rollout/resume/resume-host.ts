import type { AgentOrder, AgentStatus, CutCommit, HostFacts, SecretSet } from "#activation";
import { describeCause, longestAgentMs, NO_SECRETS, probeHost, renewLease } from "#activation";
import { once } from "#core";
import type { Host } from "#hive";
import type { Connection } from "#ssh";
import { confirmTimeoutOf } from "../host/activate-host.ts";
import type { ActivationScene } from "../host/activation-scene.ts";
import { accessTo } from "../host/activation-scene.ts";
import type { DeployContext } from "../host/deploy-context.ts";
import { RolloutError } from "../errors.ts";
import { finishActivation } from "../host/finish-activation.ts";
import type { Ending } from "../host/host-log.ts";
import { endingOf, HostLog } from "../host/host-log.ts";
import { JournalError } from "../journal/errors.ts";
import type { HostStanding } from "../journal/read-journal.ts";
import { logInAgain } from "../host/log-in.ts";
import { storeKindOf } from "../host/open-host-store.ts";
import { commitUnproven } from "../host/prove-and-commit.ts";
import { prepareSecrets } from "../prepare/prepare-secrets.ts";
import type { SecretsSource } from "../prepare/prepare-secrets.ts";
import { REBOOT_WITHIN_MS } from "../reboot/await-boot.ts";
import { bootPrevious } from "../reboot/go-back-by-reboot.ts";
import { rebootAndProve, rebootDeployed } from "../reboot/reboot-deployed.ts";
import { revertRun } from "../run-id.ts";
import { endOfUnseen, isActivating } from "./end-of-unseen.ts";
import type { BegunActivation } from "./resume-begun.ts";
import { readBegun } from "./resume-begun.ts";
import type { HostReport } from "../rollout-report.ts";
import { checkAgain, settleHost } from "../host/settle-host.ts";

export interface ResumeHostOptions {
  readonly standing: HostStanding;
  /** `finish`: what waits is proven and confirmed. `refuse`: it goes back. */
  readonly wanted: "finish" | "refuse";
  /** Whether the run deploys a host on which it has nothing under way. */
  readonly mayDeploy: boolean;
  /** How long the checks go on after they passed. */
  readonly soakMs: number;
  /** Where secrets come from that a reboot took. */
  readonly secrets: SecretsSource | undefined;
  readonly context: DeployContext;
}

/**
 * Takes up what a run left under way on a host, wherever its agent is by now, and sees it to its end. What fails on the
 * host is its report, never thrown.
 * @returns undefined when the run began nothing there, or a reboot took it away: the host may be deployed from the start.
 */
export async function resumeHost(host: Host, options: ResumeHostOptions): Promise<HostReport | undefined> {
  const { standing, context } = options;
  const log = new HostLog(host.name, context, standing.report);
  try {
    await using connection = await log.step("connect", () => openConnection(host, { log, options }));
    const { facts, begun, isReverting } = await log.step("probe", () => look(host, { connection, context }));
    if (begun === undefined) {
      // To deploy it makes profile and boot loader agree.
      if (options.mayDeploy || facts.cutCommit?.run !== context.run.id) return undefined;
      return log.finish(endingOf("stranded", cutShort(facts.cutCommit), host.name));
    }
    const work = { host, facts, begun, isReverting, connection, log, options };
    return log.finish(isReverting ? await finishReverting(work) : await finish(work));
  } catch (error) {
    return log.finish(endOfUnseen(error, options));
  }
}

async function openConnection(
  host: Host,
  { log, options: { context, standing } }: { readonly log: HostLog; readonly options: ResumeHostOptions },
): Promise<Connection> {
  const connection = await logInAgain(host, {
    logIn: (...login) => context.ports.logIn(...login),
    ssh: context.ssh,
    signal: context.leave,
    clock: context.clock,
    onNotice: (text) => {
      log.notice(text);
    },
    withinMs: mayBeAwayFor(host, { standing, now: context.clock.now() }),
  });
  log.logins += 1;
  return connection;
}

/** A host may be away while it activates or reboots. */
function mayBeAwayFor(
  { activation }: Host,
  { standing, now }: { readonly standing: HostStanding; readonly now: number },
): number {
  const { rebootingSince } = standing;
  if (rebootingSince !== undefined) return Math.max(0, rebootingSince + REBOOT_WITHIN_MS - now);
  return isActivating(standing) ? activation.timeoutMs + activation.confirmTimeoutMs : 0;
}

interface Found {
  readonly facts: HostFacts;
  readonly begun: BegunActivation | undefined;
  /** Whether it is the way back that was under way. */
  readonly isReverting: boolean;
}

async function look(
  host: Host,
  { connection, context }: { readonly connection: Connection; readonly context: DeployContext },
): Promise<Found> {
  const access = accessTo(host, connection);
  const signal = context.leave;
  const facts = await probeHost(access, { signal });
  const reverting = await readBegun(access, { run: revertRun(context.run.id), signal });
  const begun = reverting ?? (await readBegun(access, { run: context.run.id, signal }));
  return { facts, begun, isReverting: reverting !== undefined };
}

interface Work extends Found {
  readonly begun: BegunActivation;
  readonly host: Host;
  readonly connection: Connection;
  readonly log: HostLog;
  readonly options: ResumeHostOptions;
}

async function finish(work: Work): Promise<Ending> {
  const { begun, log, facts } = work;
  log.from = begun.record.from ?? undefined;
  log.to = begun.record.to;
  noteSecretsBefore(work);
  const scene = sceneOf(work);
  try {
    return await carryOn(begun.status, scene, work);
  } finally {
    if (scene.connection !== work.connection) await scene.connection[Symbol.asyncDispose]();
    log.generation ??= facts.profile.generation;
  }
}

/** What may be needed to take the host back. */
function noteSecretsBefore({ begun: { record, status, secrets, secretsBefore }, facts, log }: Work): void {
  if (status === undefined) return;
  log.bootFrom = facts.bootId;
  log.secretsFrom = secretsBefore;
  if (secrets !== undefined && record.goal !== "boot") return;
  // They are in use as they were.
  log.secretsFrom = facts.secrets.generation;
  log.secretSetFrom = facts.secrets.set ?? NO_SECRETS;
}

async function carryOn(status: AgentStatus | undefined, scene: ActivationScene, work: Work): Promise<Ending> {
  const { order, host, connection, context } = scene;
  switch (status?.state) {
    // The agent is gone, and has left the record of its commit.
    case undefined:
    case "committed":
    case "kept":
      return await committedBefore(scene, work);
    case "committing":
      return await finishActivation(scene, { from: "committing" });
    case "testing":
    case "waiting": {
      if (work.options.wanted === "refuse") return await settleHost(takenBack(), scene);
      const lease = { run: order.run, ttlMs: longestAgentMs(order), signal: context.leave };
      await renewLease(accessTo(host, connection), lease);
      return await finishActivation(scene, { from: status.state });
    }
    case "rolling-back":
    case "rolled-back":
    case "stranded":
      return await settleHost(describeCause(status, order), scene);
  }
}

/** Nothing is done again, but for a reboot that is still to be seen through. Where somebody changed the host since, that stays. */
async function committedBefore(
  scene: ActivationScene,
  { begun: { record, status }, facts, log, options }: Work,
): Promise<Ending> {
  log.generation = status?.generation ?? record.generation ?? undefined;
  const { order, before, context } = scene;
  const { reboot = "never" } = context.run;
  const isDefault = facts.profile.system === record.to;
  const isReplaced = order.goal === "boot" || reboot !== "never" ? !isDefault : facts.running !== record.to;
  if (isReplaced) {
    log.notice(`it was deployed, and runs ${facts.running ?? "nothing of ours"} by now: it stays`);
    return { outcome: "deployed" };
  }
  const isRebooted = before !== undefined && before.bootId !== facts.bootId;
  if (!isRebooted || reboot === "never" || !isDefault) return await rebootDeployed(scene, { policy: reboot });
  scene.byReboot ||= !options.standing.soaked;
  return await rebootAndProve(scene, { askedIn: before.bootId });
}

/** The way back of a host that was well, or was not after its reboot: proven like any other way, and told as what it is. */
async function finishReverting(work: Work): Promise<Ending> {
  const { record } = work.begun;
  const { log, host, options } = work;
  const { failure } = options.standing;
  const ending =
    record.goal === "boot"
      ? await finishBootingBack(work)
      : await finish({ ...work, options: { ...options, wanted: "finish" } });
  [log.from, log.to] = [record.to, record.from ?? undefined];
  if (ending.outcome === "deployed") {
    if (record.goal === "boot" && failure !== undefined) return { outcome: "rolled-back", error: failure };
    return endingOf("rolled-back", reverted(record.to), host.name);
  }
  const why = "error" in ending ? ending.error.message : ending.outcome;
  const error = new RolloutError("rollout/not-reverted", `it still runs what was deployed; going back failed: ${why}`, {
    hint: "deploy it by hand when it can be reached",
  });
  return endingOf("stranded", error, host.name);
}

/** What it ran before is to be what boots, and then to run. */
async function finishBootingBack(work: Work): Promise<Ending> {
  const { facts, begun, host, connection, options } = work;
  const { failure } = options.standing;
  const scene = sceneOf(work);
  const { order, before } = scene;
  const error = new Error(failure?.message ?? "its run took it back");
  try {
    if (begun.status?.state === "committing") await commitUnproven(scene, { from: "committing" });
    if (facts.running === order.toplevel) await checkAgain(scene, { error, system: order.toplevel });
    else {
      const isRebooted = before !== undefined && before.bootId !== facts.bootId;
      await bootPrevious(scene, { error, askedIn: isRebooted ? before.bootId : undefined });
    }
    return { outcome: "deployed" };
  } catch (thrown) {
    return endingOf("stranded", thrown, host.name);
  } finally {
    if (scene.connection !== connection) await scene.connection[Symbol.asyncDispose]();
  }
}

function sceneOf({ host, facts, begun, connection, log, options }: Work): ActivationScene {
  const { record, status, secrets } = begun;
  const { standing, soakMs, wanted, context } = options;
  const goal = record.goal as AgentOrder["goal"];
  const order: AgentOrder = {
    ...{ run: record.run, goal, toplevel: record.to, previous: record.from ?? undefined, secrets, record },
    profile: facts.profile.path,
    nixos: facts.nixos,
    systemd: facts.systemd && host.target.root === "",
    store: storeKindOf(host, facts),
    switchTimeoutMs: host.activation.timeoutMs,
    confirmTimeoutMs: confirmTimeoutOf(host, soakMs),
  };
  // What is to be taken back is not rebooted before.
  const reboot = wanted === "refuse" ? "never" : context.run.reboot;
  return {
    ...{ host, order, soakMs, log, connection, shownLines: 0 },
    context: { ...context, run: { ...context.run, id: record.run, reboot } },
    before: standing.before.get(record.run),
    byReboot: goal === "boot" || status?.byReboot === true,
    readSecrets: once(() => readSecrets(host, options)),
  };
}

async function readSecrets(host: Host, { context, secrets }: ResumeHostOptions): Promise<SecretSet | undefined> {
  const prepared = await prepareSecrets([host], { goal: context.run.goal, source: secrets, signal: context.leave });
  const read = prepared.get(host.name);
  return read !== undefined && "secrets" in read ? read.secrets : undefined;
}

function cutShort({ system }: CutCommit): JournalError {
  const message = `it lost its power while it made ${system} the default, and nothing there tells how far it came`;
  return new JournalError("rollout/not-resumed", message, {
    hint: "deploy it again, whichever system it is to have: that makes profile and boot loader agree",
  });
}

function takenBack(): RolloutError {
  return new RolloutError("rollout/reverted", "the operator took it back before it was confirmed");
}

function reverted(to: string): RolloutError {
  return new RolloutError("rollout/reverted", `it was well, and went back to ${to}`, {
    hint: "see to what stopped the run, then deploy again",
  });
}
