import { join } from "node:path";
import pLimit from "p-limit";
import type { Clock } from "#core";
import type { Goal, Host, HostName, Limits } from "#hive";
import type { EvaluatedSystem, Nix } from "#nix";
import { buildSystem, evaluateSystems, NixError, openNix, readClosures } from "#nix";
import { RolloutError } from "./errors.ts";
import type { Emit } from "./host-log.ts";
import { HostLog } from "./host-log.ts";
import type { Prepared } from "./rollout-plan.ts";
import { toErrorJson } from "./to-error-json.ts";

export interface PrepareOptions {
  readonly goal: Goal;
  /** The hive file's folder. GC roots are made in `.skep/roots` there. */
  readonly directory: string;
  readonly limits: Limits;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Evaluates and builds the systems of hosts and reads their closures: for every host a closure, or why there is none.
 * One bad host takes no other with it. What `signal` cuts short is told as `rollout/interrupted`.
 * @throws NixError `nix/missing`, `nix/too-old`.
 */
export async function prepareClosures(
  hosts: readonly Host[],
  options: PrepareOptions,
): Promise<ReadonlyMap<HostName, Prepared>> {
  const prepared = new Map<HostName, Prepared>();
  const fail = (host: HostName, error: unknown): void => {
    prepared.set(host, { error: toErrorJson(options.signal.aborted ? interrupted() : error, host) });
  };
  for (const { name, system } of hosts) {
    if (system.kind !== "native") continue;
    fail(name, new RolloutError("rollout/internal", "systems made without Nix are not deployed by this version"));
  }
  try {
    const nix = await openNix({ signal: options.signal });
    const systems = await evaluate(nix, hosts, options);
    for (const [host, system] of systems) if (system instanceof NixError) fail(host, system);
    const good = [...systems.values()].flatMap((system) => (system instanceof NixError ? [] : [system]));
    const built = await build(nix, good, { ...options, fail });
    const closures = await readClosures(
      nix,
      built.map(({ toplevel }) => toplevel),
      { signal: options.signal },
    );
    for (const { host, toplevel } of built) {
      const closure = closures.get(toplevel);
      if (closure !== undefined) prepared.set(host, { closure });
    }
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
  for (const { name } of hosts) if (!prepared.has(name)) fail(name, interrupted());
  return prepared;
}

function rootsOf(directory: string): string {
  return join(directory, ".skep", "roots");
}

function evaluate(
  nix: Nix,
  hosts: readonly Host[],
  { directory, limits, emit, clock, signal }: PrepareOptions,
): Promise<ReadonlyMap<HostName, EvaluatedSystem | NixError>> {
  const startedAt = new Map<HostName, number>();
  const durationOf = (host: HostName): number => clock.monotonic() - (startedAt.get(host) ?? clock.monotonic());
  return evaluateSystems(nix, {
    requests: hosts.flatMap(({ name, system }) => (system.kind === "native" ? [] : [{ host: name, source: system }])),
    directory,
    rootsDirectory: rootsOf(directory),
    memoryMiB: limits.evaluateMemoryMiB,
    evaluations: limits.evaluate,
    signal,
    onEvent: (event) => {
      switch (event.kind) {
        case "evaluator-started":
          return;
        case "evaluating":
          startedAt.set(event.host, clock.monotonic());
          emit({ type: "step-started", host: event.host, step: "evaluate" });
          return;
        case "evaluated":
          emit({ type: "step-finished", host: event.host, step: "evaluate", durationMs: durationOf(event.host) });
          return;
        case "failed": {
          const { host, error } = event;
          const durationMs = durationOf(host);
          emit({ type: "step-failed", host, step: "evaluate", durationMs, error: toErrorJson(error, host) });
          return;
        }
        case "message":
          emit({ type: "log", step: "evaluate", line: event.line });
          return;
      }
    },
  });
}

async function build(
  nix: Nix,
  systems: readonly EvaluatedSystem[],
  options: PrepareOptions & { readonly fail: (host: HostName, error: unknown) => void },
): Promise<readonly EvaluatedSystem[]> {
  const { directory, limits, signal, fail } = options;
  const buildLimit = pLimit(limits.build);
  const built = await Promise.all(
    systems.map((system) =>
      buildLimit(async () => {
        const log = new HostLog(system.host, options);
        try {
          signal.throwIfAborted();
          await log.step("build", () =>
            buildSystem(nix, system, {
              rootsDirectory: rootsOf(directory),
              signal,
              onLogLine: ({ name, line }) => {
                log.line("build", `${name}> ${line}`);
              },
            }),
          );
          return [system];
        } catch (error) {
          fail(system.host, error);
          return [];
        }
      }),
    ),
  );
  return built.flat();
}

function interrupted(): RolloutError {
  return new RolloutError("rollout/interrupted", "the run was stopped before its system was built");
}
