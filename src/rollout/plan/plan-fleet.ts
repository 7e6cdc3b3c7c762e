import pLimit from "p-limit";
import type { Clock } from "#core";
import { once, systemClock } from "#core";
import type { Hive, Host, HostName, Limits, PlanGoal, RolloutPolicy } from "#hive";
import { makesSystem } from "#hive";
import { openNativeEvaluator } from "#native";
import { openNix, readClosure } from "#nix";
import type { Closure, StoredPath, StorePath } from "#store";
import type { RolloutEvent } from "../events.ts";
import type { Emit } from "../host/host-log.ts";
import type { SshOptions } from "../host/log-in.ts";
import { operatorName } from "../operator-name.ts";
import { prepareClosures } from "../prepare/prepare-closures.ts";
import { readRevision } from "../read-revision.ts";
import type { RebootPolicy } from "../reboot/reboot-deployed.ts";
import type { PlannedHost, Prepared, RolloutPlan, Run } from "../rollout-plan.ts";
import { planRollout } from "../rollout-plan.ts";
import { makeRunId } from "../run-id.ts";
import { stepsFor } from "../steps.ts";
import { planWaves } from "../waves/plan-waves.ts";
import type { FleetPlan, HostPlan } from "./fleet-plan.ts";
import { ChangeGroups } from "./group-changes.ts";
import { keepPlanned } from "./plan-roots.ts";
import type { PlanPorts } from "./plan-ports.ts";
import { realPlanPorts } from "./plan-ports.ts";
import { planHost } from "./plan-host.ts";
import type { HostWork } from "./plan-host.ts";
import type { PreparedVersions, SecretVersionsSource } from "./secret-versions.ts";
import { prepareVersions } from "./secret-versions.ts";

export interface PlanFleetOptions {
  readonly goal: PlanGoal;
  readonly hosts: readonly Host[];
  /** What the command line says instead of the hive. */
  readonly limits?: Partial<Limits> | undefined;
  /** What the command line made of the hive's policy. Default: the hive's. */
  readonly policy?: RolloutPolicy | undefined;
  readonly ssh?: SshOptions | undefined;
  /** Where secrets come from; undefined when there are none. */
  readonly secrets?: SecretVersionsSource | undefined;
  readonly reboot?: RebootPolicy | undefined;
  /** How long to wait for a host that a run holds. Default: not at all. */
  readonly leaseTimeoutMs?: number | undefined;
  /** Whether to keep what Nix built for it from being collected, so that the plan can be deployed later. */
  readonly keep?: boolean | undefined;
  /** Receives what goes on: steps of hosts, and what fails. There is no end of a run in it. Must not throw. */
  readonly onEvent: (event: RolloutEvent) => void;
  readonly signal: AbortSignal;
  readonly clock?: Clock | undefined;
}

/**
 * Says what a deployment would change: makes the systems, and looks at every host. Changes nothing on any of them. A host
 * that fails is in the plan with its error, and takes no other with it.
 * @throws SkepError when nothing can be done for any host, such as a missing Nix; the signal's reason.
 */
export async function planFleet(hive: Hive, options: PlanFleetOptions): Promise<FleetPlan> {
  const { goal, hosts, keep = false, onEvent, signal, clock = systemClock } = options;
  const limits = { ...hive.limits, ...options.limits };
  const policy = options.policy ?? hive.rollout;
  const startedAt = clock.now();
  const run: Run = {
    ...{ id: makeRunId(new Date(startedAt)), goal, startedAt, operator: operatorName() },
    ...{ revision: await readRevision(hive), stealLease: false, reboot: options.reboot },
  };
  const emit: Emit = (happening) => {
    onEvent({ at: clock.now(), ...happening });
  };
  const steps = stepsFor(goal, { secrets: false }).filter((step) => LOOKING.has(step));
  // First, for waves that go against the order are told before anything is built.
  const waves = planWaves(policy, { run: hosts, hive: hive.hosts }).waves.map(
    ({ policy: { name }, hosts: ofWave }) => ({
      name,
      hosts: ofWave.map((one) => one.name),
    }),
  );
  const names = hosts.map(({ name }) => name);
  emit({ type: "run-started", run: run.id, goal, hive: hive.name, hosts: names, steps, waves, planning: true });
  const nix = once(() => openNix({ signal }));
  await using native = openNativeEvaluator({
    readNixClosure: async (path, { signal: asked }) => readClosure(await nix(), path, { signal: asked }),
  });
  const versions = await prepareVersions(hosts, { source: options.secrets, signal });
  for (const [host, version] of versions) {
    if ("error" in version) emit({ type: "step-failed", host, step: "secrets", durationMs: 0, error: version.error });
  }
  const { directory } = hive;
  const systems = makesSystem(goal) ? hosts.filter(({ name }) => !failed(versions.get(name))) : [];
  const prepared = await prepareClosures(systems, { goal, directory, limits, nix, native, emit, clock, signal });
  signal.throwIfAborted();
  if (keep) await keepPlanned(run.id, { directory, closures: nixClosures(systems, prepared), nix, signal });
  return await lookAtFleet(run, {
    ...{ hive, hosts, policy, limits, prepared, versions, emit, clock, signal },
    ssh: options.ssh ?? {},
    leaseTimeoutMs: options.leaseTimeoutMs,
    ports: realPlanPorts,
    manifestOf: native.manifestOf,
  });
}

const LOOKING: ReadonlySet<string> = new Set(["evaluate", "build", "connect", "probe"]);

export interface LookAtFleetOptions extends Omit<HostWork, "goal" | "known" | "sizeOf"> {
  readonly hive: Pick<Hive, "name" | "hosts">;
  readonly hosts: readonly Host[];
  readonly policy: RolloutPolicy;
  readonly limits: Limits;
  readonly prepared: ReadonlyMap<HostName, Prepared>;
  readonly versions: ReadonlyMap<HostName, PreparedVersions>;
  readonly ports: PlanPorts;
}

/** The second half: what is to be is known, and every host is looked at. */
export async function lookAtFleet(run: Run, options: LookAtFleetOptions): Promise<FleetPlan> {
  const { hive, hosts, policy, limits, prepared, versions } = options;
  const goal = run.goal as PlanGoal;
  // What is carried out is decided by the same code that a deployment has.
  const failures = [...versions].flatMap(([name, version]) => ("error" in version ? [[name, version] as const] : []));
  const plan = planRollout(run, { hosts, hive: hive.hosts, policy, prepared, secrets: new Map(failures), limits });
  const sizes = sizesOf(prepared);
  const work: HostWork = { ...options, goal, known: new Map<StorePath, readonly StoredPath[]>(), sizeOf: sizes };
  const groups = new ChangeGroups();
  const limit = pLimit(limits.parallel);
  const planned = await Promise.all(
    plan.waves.flatMap((wave) =>
      wave.hosts.map((one) =>
        limit(async () => {
          const secrets = versions.get(one.host.name);
          const after = plan.after.get(one.host.name) ?? [];
          return planHost(one, { wave: wave.name, after, work, secrets });
        }),
      ),
    ),
  );
  options.signal.throwIfAborted();
  return {
    ...{ v: 1, kind: "skep-plan", id: run.id, goal, hive: hive.name },
    ...{ madeBy: run.operator, madeAt: new Date(run.startedAt).toISOString(), revision: run.revision },
    ...{ reboot: run.reboot ?? "never", policy, waves: wavesOf(plan) },
    hosts: planned.map(({ host, change }): HostPlan => {
      if (change === undefined || host.status !== "changes") return host;
      return { ...host, change: groups.add(change) };
    }),
    changes: groups.changes,
  };
}

function failed(prepared: PreparedVersions | undefined): boolean {
  return prepared !== undefined && "error" in prepared;
}

function nixClosures(hosts: readonly Host[], prepared: ReadonlyMap<HostName, Prepared>): readonly Closure[] {
  return hosts.flatMap(({ name, system }) => {
    const made = system.kind === "native" ? undefined : prepared.get(name);
    return made !== undefined && "closure" in made ? [made.closure] : [];
  });
}

function sizesOf(prepared: ReadonlyMap<HostName, Prepared>): (path: StorePath) => number | undefined {
  const sizes = new Map<StorePath, number>();
  for (const made of prepared.values()) {
    if ("closure" in made) for (const { path, narSize } of made.closure.paths) sizes.set(path, narSize);
  }
  return (path) => sizes.get(path);
}

function wavesOf({ waves }: RolloutPlan): FleetPlan["waves"] {
  return waves.map(({ name, hosts, soakMs, pauseMs, gate }) => ({
    ...{ name, soakMs, pauseMs },
    hosts: hosts.map(({ host }: PlannedHost) => host.name),
    gate: gate?.kind ?? null,
  }));
}
