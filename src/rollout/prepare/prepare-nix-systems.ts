import { join } from "node:path";
import pLimit from "p-limit";
import type { Host, HostName } from "#hive";
import { STATE_FOLDER } from "#hive";
import type { EvaluatedSystem, Nix, SystemRequest } from "#nix";
import { buildSystem, evaluateSystems, NixError, readClosures } from "#nix";
import { HostLog } from "../host/host-log.ts";
import type { PrepareOptions, PrepareWork } from "./prepare-closures.ts";
import { toErrorJson } from "../to-error-json.ts";

/** Evaluates, builds and reads the systems that Nix makes. @throws NixError `nix/missing`, `nix/too-old`. */
export async function prepareNixSystems(hosts: readonly Host[], work: PrepareWork): Promise<void> {
  const requests = hosts.flatMap(({ name, system }) =>
    system.kind === "native" ? [] : [{ host: name, source: system }],
  );
  if (requests.length === 0) return;
  const { prepared, fail, signal } = work;
  const nix = await work.nix();
  const systems = await evaluate(nix, requests, work);
  for (const [host, system] of systems) if (system instanceof NixError) fail(host, system);
  const good = [...systems.values()].flatMap((system) => (system instanceof NixError ? [] : [system]));
  const built = await build(nix, good, work);
  const toplevels = built.map(({ toplevel }) => toplevel);
  const closures = await readClosures(nix, toplevels, { signal });
  for (const { host, toplevel } of built) {
    const closure = closures.get(toplevel);
    if (closure !== undefined) prepared.set(host, { closure });
  }
}

function rootsOf(directory: string): string {
  return join(directory, STATE_FOLDER, "roots");
}

/** Evaluates systems that Nix makes, and builds none. */
export function evaluate(
  nix: Nix,
  requests: readonly SystemRequest[],
  { directory, limits, emit, clock, signal }: Omit<PrepareOptions, "goal" | "nix" | "native">,
): Promise<ReadonlyMap<HostName, EvaluatedSystem | NixError>> {
  const beganAt = clock.monotonic();
  // What is wrong with a whole flake fails hosts that Nix never came to: their time is the evaluator's.
  const startedAt = new Map<HostName, number>();
  const durationOf = (host: HostName): number => {
    const from = startedAt.get(host) ?? beganAt;
    return clock.monotonic() - from;
  };
  return evaluateSystems(nix, {
    requests,
    directory,
    rootsDirectory: rootsOf(directory),
    memoryMiB: limits.evaluateMemoryMiB,
    evaluations: limits.evaluate,
    signal,
    onEvent: (event) => {
      switch (event.kind) {
        case "evaluator-started":
          for (const host of event.hosts) startedAt.set(host, clock.monotonic());
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
  options: PrepareWork,
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
