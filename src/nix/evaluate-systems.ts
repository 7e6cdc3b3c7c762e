import { messageOf } from "#core";
import type { HostName, StorePathSource } from "#hive";
import type { StorePath } from "#store";
import { parseStorePath, StoreError } from "#store";
import { NixError } from "./errors.ts";
import { defaultMemoryMiB } from "./evaluation-memory.ts";
import type { Chunk } from "./evaluation-queue.ts";
import { queueEvaluations } from "./evaluation-queue.ts";
import { evaluationFailed, notFound, starved } from "./explain-evaluation.ts";
import type { Nix } from "./nix.ts";
import { addDerivationRoot, rootOf } from "./roots.ts";
import type { Found } from "./run-evaluation.ts";
import { runEvaluation } from "./run-evaluation.ts";
import type { EvaluationRequest, SystemRequest } from "./system-request.ts";
import { planEvaluation } from "./system-request.ts";

/** A host's system, known but perhaps not built. */
export interface EvaluatedSystem {
  readonly host: HostName;
  /** What builds it; undefined when the hive gives a store path. */
  readonly derivation: StorePath | undefined;
  /** The output of the derivation that is the system, most often `out`. */
  readonly output: string;
  readonly toplevel: StorePath;
}

export type EvaluationEvent =
  /** A Nix process starts that is to evaluate these hosts, in this order. */
  | { readonly kind: "evaluator-started"; readonly hosts: readonly HostName[] }
  | { readonly kind: "evaluating"; readonly host: HostName }
  | { readonly kind: "evaluated"; readonly host: HostName; readonly system: EvaluatedSystem }
  | { readonly kind: "failed"; readonly host: HostName; readonly error: NixError }
  /** A line of Nix's own: a warning, a trace, the progress of a fetch. */
  | { readonly kind: "message"; readonly line: string };

export interface EvaluateSystemsOptions {
  readonly requests: readonly SystemRequest[];
  /** What relative files and flakes start from: the hive file's folder. */
  readonly directory: string;
  /** Absolute; a host's roots are `<rootsDirectory>/<host>/derivation` and `…/toplevel`. */
  readonly rootsDirectory: string;
  /** What evaluators may use together. Default: half of what is free. */
  readonly memoryMiB?: number | undefined;
  /** Evaluators that run at one time. Default: 1. */
  readonly evaluations?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: EvaluationEvent) => void) | undefined;
}

/**
 * Finds out what each host's system is: for every host a system, or what is wrong with it.
 *
 * Hosts of one flake, or of one file, share an evaluator, as many as its memory allows. A host that cannot be evaluated
 * costs the others a new evaluator for those after it; none is evaluated twice. There is no deadline: an evaluation may
 * fetch and build.
 *
 * Each derivation gets its root while the evaluator that made it still runs and so keeps it from being collected: the
 * evaluator is held up at its end until the roots are there. What remains is an evaluator that ends before, because
 * it is killed or fails at its next host: then the derivation it finished last has no hold for the 20 ms that its root
 * takes. If it is collected in them, that host fails with `nix/root`.
 * @throws the signal's reason; NixError `nix/missing`.
 */
export async function evaluateSystems(
  nix: Nix,
  options: EvaluateSystemsOptions,
): Promise<ReadonlyMap<HostName, EvaluatedSystem | NixError>> {
  const { requests, directory, rootsDirectory, memoryMiB = defaultMemoryMiB(), evaluations = 1, onEvent } = options;
  const results = new Map<HostName, EvaluatedSystem | NixError>();
  const settle = (host: HostName, result: EvaluatedSystem | NixError): void => {
    results.set(host, result);
    if (result instanceof NixError) onEvent?.({ kind: "failed", host, error: result });
    else onEvent?.({ kind: "evaluated", host, system: result });
  };

  const plans = requests.flatMap(({ host, source }) => {
    try {
      if (source.kind !== "store-path") return [planEvaluation(host, source, directory)];
      settle(host, givenSystem(host, source));
    } catch (error) {
      settle(host, asNixError(host, error));
    }
    return [];
  });
  const queue = queueEvaluations(plans, { evaluators: evaluations, memoryMiB });

  const evaluate = async (chunk: Chunk, signal: AbortSignal): Promise<void> => {
    onEvent?.({ kind: "evaluator-started", hosts: chunk.requests.map(({ host }) => host) });
    const end = await runEvaluation(nix, chunk, {
      directory,
      signal,
      onBegin: ({ host }) => onEvent?.({ kind: "evaluating", host }),
      async onFound(request, found) {
        const { host } = request;
        try {
          const system = systemOf(chunk, request, found);
          await addDerivationRoot(nix, system.derivation, { root: rootOf(rootsDirectory, host, "derivation"), signal });
          settle(host, system);
        } catch (error) {
          settle(host, asNixError(host, error));
        }
      },
      isFull: (sample) => chunk.isFull(sample),
      onMessage: (line) => onEvent?.({ kind: "message", line }),
    });
    for (const { request, why } of chunk.finish(end)) {
      const failed = why === "failed" ? evaluationFailed(chunk.origin, request, end) : starved(chunk.origin, request);
      settle(request.host, failed);
    }
  };

  await inParallel(evaluations, options.signal, async (signal) => {
    for (let chunk = queue.take(); chunk !== undefined; chunk = queue.take()) await evaluate(chunk, signal);
  });
  return results;
}

function givenSystem(host: HostName, { storePath }: StorePathSource): EvaluatedSystem {
  const refused = (why: string): NixError =>
    new NixError("nix/store-path-invalid", `could not take the system of ${host}: ${why}`, {
      host,
      hint: "give the store path of a system that is built: what a result link, or /run/current-system, leads to",
    });
  if (storePath.endsWith(".drv")) throw refused(`${storePath} is a derivation`);
  try {
    return { host, derivation: undefined, output: "out", toplevel: parseStorePath(storePath) };
  } catch (error) {
    throw refused(messageOf(error));
  }
}

function systemOf(
  { origin }: Chunk,
  request: EvaluationRequest,
  found: Found,
): EvaluatedSystem & { readonly derivation: StorePath } {
  if (found.mark !== "system") throw notFound(origin, request, found);
  const { derivation, output, toplevel } = found;
  return { host: request.host, derivation: parseStorePath(derivation), output, toplevel: parseStorePath(toplevel) };
}

/** A host's own error; what is none, such as the reason of an abort, ends the whole. */
function asNixError(host: HostName, error: unknown): NixError {
  if (error instanceof NixError && error.code !== "nix/missing") return error;
  if (!(error instanceof StoreError)) throw error;
  return new NixError("nix/not-a-system", `could not take the system of ${host}: ${error.message}`, {
    host,
    cause: error,
  });
}

/** Runs so many workers to their end; the first that fails ends the others. */
async function inParallel(
  workers: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any(outer === undefined ? [failed.signal] : [failed.signal, outer]);
  const running = Array.from({ length: workers }, async () => {
    try {
      await work(signal);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
  const ends = await Promise.allSettled(running);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
