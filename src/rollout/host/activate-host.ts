import type { AgentOrder, HostFacts } from "#activation";
import {
  ActivationError,
  decideAgent,
  describeCause,
  FINAL_STATES,
  longestAgentMs,
  probeHost,
  startAgent,
} from "#activation";
import type { Baseline } from "#health";
import { assertHealthy, detailsOf, longestChecksMs, noticesOf, runChecks, takeBaseline } from "#health";
import type { Host } from "#hive";
import type { Connection } from "#ssh";
import { SshError } from "#ssh";
import type { StorePath } from "#store";
import type { ActivationScene } from "./activation-scene.ts";
import { accessTo, checkedHost, watchAgent } from "./activation-scene.ts";
import type { DeployContext } from "./deploy-context.ts";
import type { Ending, HostLog } from "./host-log.ts";
import { logInAgain } from "./log-in.ts";
import type { StoreKind } from "./open-host-store.ts";
import { rebootDeployed } from "../reboot/reboot-deployed.ts";
import { settleHost } from "./settle-host.ts";

const CONFIRM_MARGIN_MS = 30_000;

/** What is to happen on a host whose store has the closure. */
export interface ActivationWork {
  readonly host: Host;
  readonly toplevel: StorePath;
  readonly facts: HostFacts;
  readonly storeKind: StoreKind;
  readonly goal: "secrets" | "test" | "boot" | "switch";
  /** The generation of secrets that goes with it; undefined when they stay as they are. */
  readonly secrets: number | "none" | undefined;
  /** How long the checks go on after they passed. */
  readonly soakMs: number;
}

/**
 * Test, prove, commit. Once the agent is started the host ends where its agent says: whatever fails here,
 * settleHost sees the host back, or finds that it was committed after all.
 */
export async function activateHost(
  work: ActivationWork,
  {
    connection,
    log,
    context,
  }: { readonly connection: Connection; readonly log: HostLog; readonly context: DeployContext },
): Promise<Ending> {
  const { host, facts, goal } = work;
  const order = orderOf(work, context);
  const checks = goal === "boot" ? [] : host.checks;
  const baseline = await takeBaseline(checks, { host: checkedHost(host, connection), signal: context.leave });
  const { soakMs } = work;
  const scene: ActivationScene = { host, order, facts, baseline, soakMs, log, context, connection, shownLines: 0 };
  try {
    await proveAndCommit(scene);
    return await rebootDeployed(scene, { policy: context.run.reboot ?? "never", check: () => checkHost(scene) });
  } catch (error) {
    if (error instanceof AgentNotStarted) throw error.reason;
    return await settleHost(error, scene);
  } finally {
    if (scene.connection !== connection) await scene.connection[Symbol.asyncDispose]();
  }
}

async function proveAndCommit(scene: ActivationScene): Promise<void> {
  const { order, log } = scene;
  if (order.goal === "boot") {
    await log.step("commit", () => commitForBoot(scene));
    return;
  }
  const tested = await log.step("test", () => testSystem(scene));
  await log.step("login", () => logInFreshly(tested, scene));
  await log.step("check", () => checkHost(scene));
  await log.step(order.goal === "test" ? "confirm" : "commit", () => confirmHost(scene));
}

/** The host refused the agent and is as it was: there is nothing to settle. */
class AgentNotStarted extends Error {
  readonly reason: ActivationError;

  constructor(reason: ActivationError) {
    super(reason.message);
    this.reason = reason;
  }
}

function orderOf(
  { host, toplevel, facts, storeKind, goal, secrets, soakMs }: ActivationWork,
  { run, clock }: DeployContext,
): AgentOrder {
  return {
    run: run.id,
    goal,
    toplevel,
    previous: facts.running,
    profile: facts.profile.path,
    nixos: facts.nixos,
    systemd: facts.systemd && host.target.root === "",
    store: storeKind,
    secrets,
    switchTimeoutMs: host.activation.timeoutMs,
    confirmTimeoutMs: confirmTimeoutOf(host, soakMs),
    record: {
      version: 1,
      run: run.id,
      host: host.name,
      goal,
      who: run.operator,
      at: new Date(clock.now()).toISOString(),
      from: facts.running ?? null,
      to: toplevel,
      generation: null,
      hive: run.revision,
    },
  };
}

/** The proof may take as long as the checks and their soak take at the most, and then the confirmation has to get there. */
function confirmTimeoutOf({ activation, checks }: Host, soakMs: number): number {
  const longest = longestChecksMs(checks, { soakMs }) + CONFIRM_MARGIN_MS;
  return soakMs === 0 ? activation.confirmTimeoutMs : Math.max(activation.confirmTimeoutMs + soakMs, longest);
}

async function start({ host, order, connection, context }: ActivationScene): Promise<void> {
  await context.decided?.();
  try {
    await startAgent(accessTo(host, connection), order, { signal: context.leave });
  } catch (error) {
    throw error instanceof ActivationError ? new AgentNotStarted(error) : error;
  }
}

async function testSystem(scene: ActivationScene): Promise<{ readonly connectionLost: boolean }> {
  const { order, log } = scene;
  await start(scene);
  const timeoutMs = order.switchTimeoutMs + 30_000;
  try {
    const status = await watchAgent(scene, {
      step: "test",
      until: ["waiting", "rolling-back", ...FINAL_STATES],
      timeoutMs,
    });
    if (status?.state !== "waiting") throw describeCause(status, order);
    return { connectionLost: false };
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    scene.context.leave.throwIfAborted();
    log.notice("the connection was lost during the activation, which goes on without it");
    return { connectionLost: true };
  }
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
  const status = await watchAgent(scene, {
    step: "login",
    until: ["waiting", "rolling-back", ...FINAL_STATES],
    timeoutMs: order.switchTimeoutMs + 30_000,
  });
  if (status?.state !== "waiting") throw describeCause(status, order);
}

async function checkHost(scene: ActivationScene): Promise<void> {
  const { host, connection, log, context, soakMs } = scene;
  const soak = tellSoak(scene);
  const results = await runChecks(host.checks, {
    host: checkedHost(host, connection),
    baseline: excusingBaseline(scene),
    soakMs,
    clock: context.clock,
    signal: context.leave,
    onAttempt: (check, answer) => {
      if (soak.isUnderWay()) soak.tell(answer.passed ? undefined : `${check.name} fails: ${answer.seen}`);
      else if (!answer.passed) log.message("check", `waiting for ${check.name}: ${answer.seen}`);
    },
    onSoak: soak.begin,
  });
  for (const notice of noticesOf(results)) log.notice(notice);
  for (const line of detailsOf(results)) log.line("check", line);
  assertHealthy(results);
}

/** How often a soak that goes well says that it goes on. */
const SOAK_TOLD_EVERY_MS = 10_000;

/** Says that a host soaks, until when, and what fails meanwhile. */
function tellSoak({ log, context: { clock }, soakMs }: ActivationScene) {
  let until: number | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  const tell = (trouble?: string): void => {
    if (trouble === undefined && clock.monotonic() - toldAt < SOAK_TOLD_EVERY_MS) return;
    toldAt = clock.monotonic();
    log.message("check", `soaking: ${trouble ?? "all checks pass"}`, { until });
  };
  return {
    isUnderWay: () => until !== undefined,
    begin: () => {
      until = clock.now() + soakMs;
      tell();
    },
    tell,
  };
}

/**
 * What was ill before is excused where the hive asks for a baseline and there was a system before: else a service that is
 * new, and so failed its check before it was there, would be excused too.
 */
function excusingBaseline({ host, order, baseline }: ActivationScene): Baseline | undefined {
  const asksForIt = host.checks.some(({ kind }) => kind === "baseline");
  return asksForIt && order.previous !== undefined ? baseline : undefined;
}

/** Tells the agent that it may keep the system, and waits until it has done what the goal asks. */
async function confirmHost(scene: ActivationScene): Promise<void> {
  const { host, order, connection, context } = scene;
  const signal = context.leave;
  await context.decided?.();
  await decideAgent(accessTo(host, connection), { run: order.run, verdict: "confirmed", signal });
  const status = await watchAgent(scene, {
    step: "commit",
    until: ["rolling-back", ...FINAL_STATES],
    timeoutMs: longestAgentMs(order),
  });
  if (status?.state === "kept") return;
  if (status?.state !== "committed") throw describeCause(status, order);
  await verifyCommitted(scene, { running: true });
}

async function commitForBoot(scene: ActivationScene): Promise<void> {
  await start(scene);
  const status = await watchAgent(scene, {
    step: "commit",
    until: FINAL_STATES,
    timeoutMs: longestAgentMs(scene.order),
  });
  if (status?.state !== "committed") throw describeCause(status, scene.order);
  await verifyCommitted(scene, { running: false });
}

/** Reads what the host runs and would boot: an agent's word is not taken for it. */
async function verifyCommitted(
  { host, order, connection, context, log }: ActivationScene,
  { running }: { readonly running: boolean },
): Promise<void> {
  const facts = await probeHost(accessTo(host, connection), { signal: context.leave });
  log.generation = facts.profile.generation;
  if (running && order.secrets !== undefined && (facts.secrets.generation ?? "none") !== order.secrets) {
    throw new ActivationError("activation/commit", "after the commit the host uses other secrets", {
      hint: "somebody else changed the host in the same moment; see its journal",
    });
  }
  const isDefault = order.goal === "secrets" || facts.profile.system === order.toplevel;
  if (isDefault && (!running || facts.running === order.toplevel)) return;
  const found = facts.profile.system === order.toplevel ? facts.running : facts.profile.system;
  throw new ActivationError("activation/commit", `after the commit the host has ${found ?? "no system"}`, {
    hint: "somebody else changed the host in the same moment; see its journal",
  });
}
