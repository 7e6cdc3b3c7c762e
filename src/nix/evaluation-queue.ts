import type { EvaluationMemory, MemorySample } from "./evaluation-memory.ts";
import { hasRoom, learnMemory, nextChunkSize } from "./evaluation-memory.ts";
import type { EvaluationEnd } from "./run-evaluation.ts";
import type { EvaluationOrigin, EvaluationRequest, PlannedEvaluation } from "./system-request.ts";

/** What one evaluator is given: requests of one origin. */
export interface Chunk {
  readonly origin: EvaluationOrigin;
  readonly requests: readonly EvaluationRequest[];
  /** Takes what the evaluator holds after a request; true when it is to go no further. */
  isFull(sample: MemorySample): boolean;
  /**
   * Puts what the evaluator left over in front of what waits.
   * @returns the requests that will not be tried again: Nix refuses them, or they starve even alone.
   */
  finish(end: ChunkEnd): readonly GivenUp[];
}

export type ChunkEnd = Pick<EvaluationEnd, "how" | "begun" | "untouched">;

export interface GivenUp {
  readonly request: EvaluationRequest;
  readonly why: "failed" | "starved";
}

/** Hands out what is to be evaluated, in chunks that fit into memory. */
export interface EvaluationQueue {
  /** The next chunk, or undefined when nothing waits or as many are out as may be. */
  take(): Chunk | undefined;
}

interface Group {
  readonly origin: EvaluationOrigin;
  readonly waiting: EvaluationRequest[];
  memory: EvaluationMemory | undefined;
  /** Half of what died for lack of memory. */
  atMost: number;
}

/** The requests are one argument of a command line, and Linux takes none over 128 KiB. */
const LARGEST_CHUNK = 500;

/** @param limits what evaluators may use together, and how many may run at one time: fewer once memory ran out. */
export function queueEvaluations(
  plans: Iterable<PlannedEvaluation>,
  limits: { readonly evaluators: number; readonly memoryMiB: number },
): EvaluationQueue {
  const groups = groupByOrigin(plans);
  const budgetMiB = limits.memoryMiB / limits.evaluators;
  let { evaluators } = limits;
  /** Chunks that are out, and whether others were out at the same time. */
  const out = new Set<{ crowded: boolean }>();

  const handOut = (group: Group, requests: readonly EvaluationRequest[]): Chunk => {
    const self = { crowded: false };
    out.add(self);
    if (out.size > 1) for (const each of out) each.crowded = true;
    return {
      origin: group.origin,
      requests,
      isFull(sample) {
        group.memory = learnMemory(group.memory, sample);
        return !hasRoom(sample.residentMiB, budgetMiB, group.memory);
      },
      finish(end) {
        out.delete(self);
        const rest = end.begun === undefined ? [...end.untouched] : [end.begun, ...end.untouched];
        const fruitless = rest.length === requests.length;
        let givenUp: EvaluationRequest[] = [];
        if (end.how === "out-of-memory") {
          group.atMost = Math.max(1, Math.floor(requests.length / 2));
          evaluators = Math.max(1, evaluators - 1);
          if (fruitless && !self.crowded) givenUp = rest.splice(0, 1);
        } else if (end.how === "failed" && end.begun !== undefined) {
          givenUp = rest.splice(0, 1);
        } else if (end.how === "failed" && fruitless) {
          // Not even the first was begun: the flake or file itself is broken, for all that wait too.
          givenUp = [...rest.splice(0), ...group.waiting.splice(0)];
        }
        group.waiting.unshift(...rest);
        return givenUp.map((request) => ({ request, why: end.how === "failed" ? "failed" : "starved" }));
      },
    };
  };

  return {
    take() {
      const group = groups.find(({ waiting }) => waiting.length > 0);
      if (group === undefined || out.size >= evaluators) return undefined;
      const waiting = groups.reduce((sum, each) => sum + each.waiting.length, 0);
      const { memory, atMost } = group;
      const size = nextChunkSize({ waiting, evaluators, budgetMiB, memory, atMost });
      return handOut(group, group.waiting.splice(0, size));
    },
  };
}

function groupByOrigin(plans: Iterable<PlannedEvaluation>): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const { origin, request } of plans) {
    const key = JSON.stringify(origin.argv);
    const group = groups.get(key) ?? { origin, waiting: [], memory: undefined, atMost: LARGEST_CHUNK };
    group.waiting.push(request);
    groups.set(key, group);
  }
  return [...groups.values()];
}
