import { randomUUID } from "node:crypto";
import type { CommandResult } from "#core";
import { succeeded } from "#core";
import type { EvaluationMark } from "./evaluation-expression.ts";
import { evaluationExpression, readMark } from "./evaluation-expression.ts";
import { readResidentMiB } from "./evaluation-memory.ts";
import type { MemorySample } from "./evaluation-memory.ts";
import type { Nix } from "./nix.ts";
import { startNix } from "./start-nix.ts";
import type { EvaluationOrigin, EvaluationRequest } from "./system-request.ts";

/** What an evaluator found at the end of a request's path. */
export type Found = Exclude<EvaluationMark, { readonly mark: "begin" }>;

/** How an evaluator ended. */
export interface EvaluationEnd {
  /**
   * - `done`: it took every request
   * - `stopped`: it was ended because it had grown too big
   * - `out-of-memory`: it was killed, or gave up, for lack of memory
   * - `failed`: Nix ended it with an error
   */
  readonly how: "done" | "stopped" | "out-of-memory" | "failed";
  /** The request it was at, which the error belongs to. Undefined: between two, or before the first. */
  readonly begun: EvaluationRequest | undefined;
  /** The requests it did not report, without `begun`. */
  readonly untouched: readonly EvaluationRequest[];
  /** What Nix said since `begun` began. */
  readonly said: string;
  readonly result: CommandResult;
}

export interface RunEvaluationOptions {
  /** The working directory, which relative flake references start from. */
  readonly directory: string;
  readonly signal: AbortSignal | undefined;
  readonly onBegin: (request: EvaluationRequest) => void;
  /** Puts what was found on record; the evaluator keeps its derivation from being collected until this settles. */
  readonly onFound: (request: EvaluationRequest, found: Found) => Promise<void>;
  /** Judges what the evaluator holds between two requests; true ends it there. */
  readonly isFull: (sample: MemorySample) => boolean;
  /** Called with each line of standard error that is no error: warnings, traces, progress of fetches and builds. */
  readonly onMessage: (line: string) => void;
}

/** Lines kept of what Nix says about one request. */
const KEPT_LINES = 400;

/** Evaluates requests of one origin, one after the other, in one Nix process. */
export async function runEvaluation(
  nix: Nix,
  work: { readonly origin: EvaluationOrigin; readonly requests: readonly EvaluationRequest[] },
  options: RunEvaluationOptions,
): Promise<EvaluationEnd> {
  const { origin, requests } = work;
  const { directory, signal, onBegin, onFound, isFull, onMessage } = options;
  signal?.throwIfAborted();
  const nonce = `skep-${randomUUID()} `;
  const expression = evaluationExpression(
    requests.map(({ path }) => path.slice(origin.walked)),
    nonce,
  );

  let begun: EvaluationRequest | undefined;
  let said: string[] = [];
  let failing = false;
  const reported = new Set<EvaluationRequest>();
  let recorded = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;
  let stopped = false;

  const running = startNix(nix, [...origin.argv, "--apply", expression], {
    directory,
    holdOutput: true,
    onStderrLine(line) {
      const mark = readMark(line, nonce);
      const request = mark === undefined ? undefined : requests[mark.index];
      if (mark === undefined || request === undefined) {
        failing ||= line.startsWith("error:");
        if (!failing) onMessage(line);
        said.push(line);
        if (said.length > KEPT_LINES) said.shift();
      } else if (mark.mark === "begin") {
        begun = request;
        said = [];
        failing = false;
        onBegin(request);
      } else {
        begun = undefined;
        reported.add(request);
        recorded = recorded.then(() => record(request, mark));
      }
    },
  });

  let position = 0;
  let previousMiB = 0;
  const record = async (request: EvaluationRequest, found: Found): Promise<void> => {
    if (failure !== undefined) return;
    try {
      const residentMiB = running.pid === undefined ? undefined : await readResidentMiB(nix, running.pid);
      const full = residentMiB !== undefined && isFull({ position, residentMiB, previousMiB });
      previousMiB = residentMiB ?? previousMiB;
      position += 1;
      await onFound(request, found);
      if (position === requests.length) running.releaseOutput();
      else if (full && position === reported.size) {
        stopped = true;
        running.stop();
      }
    } catch (error) {
      failure = { error };
      running.stop();
    }
  };

  signal?.addEventListener("abort", running.stop, { once: true });
  try {
    const result = await running.exited;
    await recorded;
    signal?.throwIfAborted();
    if (failure !== undefined) throw failure.error;
    const untouched = requests.filter((request) => !reported.has(request) && request !== begun);
    const left = begun !== undefined || untouched.length > 0;
    const text = said.join("\n");
    return { how: left ? howItEnded(result, text, stopped) : "done", begun, untouched, said: text, result };
  } finally {
    signal?.removeEventListener("abort", running.stop);
  }
}

function howItEnded(result: CommandResult, said: string, stopped: boolean): EvaluationEnd["how"] {
  if (stopped && !succeeded(result)) return "stopped";
  const { exitCode, signal } = result.exit;
  const killed = signal === "SIGKILL" || signal === "SIGABRT" || exitCode === 137 || exitCode === 134;
  return killed || /out of memory|std::bad_alloc|cannot allocate memory/i.test(said) ? "out-of-memory" : "failed";
}
