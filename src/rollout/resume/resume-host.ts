import type { AgentOrder, AgentStatus, HostFacts } from "#activation";
import { describeCause, longestAgentMs, probeHost, renewLease } from "#activation";
import type { Baseline } from "#health";
import type { Host } from "#hive";
import type { Connection } from "#ssh";
import type { ActivationScene } from "../host/activation-scene.ts";
import { accessTo } from "../host/activation-scene.ts";
import type { DeployContext } from "../host/deploy-context.ts";
import { RolloutError } from "../errors.ts";
import type { Ending } from "../host/host-log.ts";
import { endingOf, HostLog } from "../host/host-log.ts";
import { JournalError } from "../journal/errors.ts";
import type { HostStanding } from "../journal/read-journal.ts";
import { logInAgain } from "../host/log-in.ts";
import { storeKindOf } from "../host/open-host-store.ts";
import type { BegunActivation } from "./resume-begun.ts";
import { readBegun } from "./resume-begun.ts";
import { proveAndConfirm, waitUntilKept } from "./resume-prove.ts";
import type { HostReport } from "../rollout-report.ts";
import { settleHost } from "../host/settle-host.ts";

/** Added to the name of a run while it takes a host back. */
const REVERTING = "-revert";

export interface ResumeHostOptions {
  readonly standing: HostStanding;
  /** `finish`: what waits is proven and confirmed. `refuse`: it goes back. */
  readonly wanted: "finish" | "refuse";
  /** How long the checks go on after they passed. */
  readonly soakMs: number;
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
    const found = await log.step("probe", () => look(host, { connection, context }));
    if (found === undefined) return undefined;
    const work = { host, ...found, connection, log, options };
    return log.finish(found.isReverting ? await finishReverting(work) : await finish(work));
  } catch (error) {
    return log.finish(endOfUnseen(error, options));
  }
}

async function openConnection(
  host: Host,
  { log, options: { context, standing } }: { readonly log: HostLog; readonly options: ResumeHostOptions },
): Promise<Connection> {
  const { timeoutMs, confirmTimeoutMs } = host.activation;
  const connection = await logInAgain(host, {
    logIn: (...login) => context.ports.logIn(...login),
    ssh: context.ssh,
    signal: context.leave,
    clock: context.clock,
    onNotice: (text) => {
      log.notice(text);
    },
    // A host may be away while it activates.
    withinMs: isActivating(standing) ? timeoutMs + confirmTimeoutMs : 0,
  });
  log.logins += 1;
  return connection;
}

interface Found {
  readonly facts: HostFacts;
  readonly begun: BegunActivation;
  /** Whether it is the way back that was under way. */
  readonly isReverting: boolean;
}

async function look(
  host: Host,
  { connection, context }: { readonly connection: Connection; readonly context: DeployContext },
): Promise<Found | undefined> {
  const access = accessTo(host, connection);
  const signal = context.leave;
  const facts = await probeHost(access, { signal });
  const reverting = await readBegun(access, { run: `${context.run.id}${REVERTING}`, signal });
  const begun = reverting ?? (await readBegun(access, { run: context.run.id, signal }));
  return begun && { facts, begun, isReverting: reverting !== undefined };
}

interface Work extends Found {
  readonly host: Host;
  readonly connection: Connection;
  readonly log: HostLog;
  readonly options: ResumeHostOptions;
}

async function finish(work: Work): Promise<Ending> {
  const { begun, log, facts } = work;
  log.from = begun.record.from ?? undefined;
  log.to = begun.record.to;
  log.secretsFrom = begun.secretsBefore;
  // The agent is gone, and has left the record of its commit.
  if (begun.status === undefined) return committedBefore(work);
  const scene = sceneOf(work);
  try {
    return await carryOn(begun.status, scene, work);
  } catch (error) {
    return await settleHost(error, scene);
  } finally {
    if (scene.connection !== work.connection) await scene.connection[Symbol.asyncDispose]();
    log.generation ??= facts.profile.generation;
  }
}

/** @throws why the host did not keep, or is not to keep, what the run brought: it is to be settled. */
async function carryOn(status: AgentStatus, scene: ActivationScene, work: Work): Promise<Ending> {
  const { order, log, host, connection } = scene;
  const { wanted, soakMs, context } = work.options;
  switch (status.state) {
    case "committed":
    case "kept":
      return committedBefore(work);
    case "committing":
      await log.step("commit", () => waitUntilKept(scene));
      return { outcome: "deployed" };
    case "testing":
    case "waiting": {
      if (wanted === "refuse") throw takenBack();
      const lease = { run: order.run, ttlMs: longestAgentMs(order), signal: context.leave };
      await renewLease(accessTo(host, connection), lease);
      await proveAndConfirm(scene, { isTesting: status.state === "testing", soakMs });
      return { outcome: "deployed" };
    }
    case "rolling-back":
    case "rolled-back":
    case "stranded":
      throw describeCause(status, order);
  }
}

/** The way back of a host that was well: proven like any other way, and told as what it is. */
async function finishReverting(work: Work): Promise<Ending> {
  const { record } = work.begun;
  const options = { ...work.options, wanted: "finish" as const };
  const ending = await finish({ ...work, options });
  const { log, host } = work;
  [log.from, log.to] = [record.to, record.from ?? undefined];
  if (ending.outcome === "deployed") return endingOf("rolled-back", reverted(record.to), host.name);
  const why = "error" in ending ? ending.error.message : ending.outcome;
  const error = new RolloutError("rollout/not-reverted", `it still runs what was deployed; going back failed: ${why}`, {
    hint: "deploy it by hand when it can be reached",
  });
  return endingOf("stranded", error, host.name);
}

/** Nothing is done again. Where somebody changed the host since, that stays. */
function committedBefore({ begun: { record, status }, facts, log }: Work): Ending {
  log.generation = status?.generation ?? record.generation ?? undefined;
  const isThere = record.goal === "boot" ? facts.profile.system === record.to : facts.running === record.to;
  if (!isThere) log.notice(`it was deployed, and runs ${facts.running ?? "nothing of ours"} by now: it stays`);
  return { outcome: "deployed" };
}

/** Which checks passed before is not known any more. */
const NO_BASELINE: Baseline = { failedUnits: undefined, answers: [] };

function sceneOf({ host, facts, begun, connection, log, options: { soakMs, context } }: Work): ActivationScene {
  const { record, secrets, secretsBefore } = begun;
  const previous = record.from ?? undefined;
  const goal = record.goal as AgentOrder["goal"];
  const order: AgentOrder = {
    ...{ run: record.run, goal, toplevel: record.to, previous, secrets, record },
    profile: facts.profile.path,
    nixos: facts.nixos,
    systemd: facts.systemd && host.target.root === "",
    store: storeKindOf(host, facts),
    switchTimeoutMs: host.activation.timeoutMs,
    confirmTimeoutMs: host.activation.confirmTimeoutMs + soakMs,
  };
  const before = { ...facts, running: previous, secrets: { ...facts.secrets, generation: secretsBefore } };
  return { host, order, facts: before, baseline: NO_BASELINE, soakMs, log, context, connection, shownLines: 0 };
}

function takenBack(): RolloutError {
  return new RolloutError("rollout/reverted", "the operator took it back before it was confirmed");
}

function reverted(to: string): RolloutError {
  return new RolloutError("rollout/reverted", `it was well, and went back to ${to}`, {
    hint: "see to what stopped the run, then deploy again",
  });
}

/** How a host ends of which nobody could see where it is. */
function endOfUnseen(error: unknown, { standing, context }: ResumeHostOptions): Ending {
  if (context.leave.aborted) {
    const left = new RolloutError("rollout/interrupted", "the run was stopped again before the host was looked at", {
      hint: "skep resume takes it up again",
    });
    return endingOf(isActivating(standing) ? "stranded" : "failed", left, standing.name);
  }
  if (!isActivating(standing)) return endingOf("failed", error, standing.name);
  const message = "nobody could see where its activation ended";
  const unseen = new JournalError("rollout/not-resumed", `${message}: ${error instanceof Error ? error.message : ""}`, {
    hint: "its agent goes back by itself unless it was confirmed; skep resume asks again",
    cause: error,
  });
  return endingOf("stranded", unseen, standing.name);
}

const ACTIVATING: ReadonlySet<string> = new Set(["test", "login", "check", "confirm", "commit", "roll-back"]);

function isActivating({ step }: HostStanding): boolean {
  return step !== undefined && ACTIVATING.has(step);
}
