import type { DeploymentRecord, HostState, ProfileGeneration } from "#activation";
import { NO_SECRETS } from "#activation";
import { didYouMean } from "#core";
import type { StorePath } from "#store";
import { RolloutError } from "../errors.ts";
import { deploymentOf, tookBack } from "../history/deployment-of.ts";
import type { ReturnTarget } from "../rollout-plan.ts";

/** Where a host is to go back to: to the deployment before the one it runs, to a generation, or to what a run brought. */
export type ReturnWish = "earlier" | { readonly generation: number } | { readonly run: string };

/** Where a host goes back to, and what is known of it. */
export interface ChosenReturn {
  readonly back: ReturnTarget;
  /** The generation that it was, the newest where it was several. */
  readonly generation: number;
  /** The deployment that brought it; undefined when nobody wrote that down. */
  readonly record: DeploymentRecord | undefined;
}

/**
 * Decides where a host goes back to, by what the host says of itself. Pure.
 * @throws RolloutError `rollout/no-earlier`, `rollout/no-such-deployment`, `rollout/collected`.
 */
export function chooseReturn(
  state: HostState,
  { wish, host }: { readonly wish: ReturnWish; readonly host: string },
): ChosenReturn {
  const system = systemOf(wish, { ...state, host });
  const found = state.generations.find((generation) => generation.system === system && generation.isThere);
  if (found === undefined) throw collected(system, state);
  const deployment = deploymentOf(state, system);
  return {
    back: {
      toplevel: system,
      secretSet: found.secretSet ?? NO_SECRETS,
      from: state.facts.running ?? null,
      hive: deployment?.hive,
    },
    generation: found.number,
    record: deployment?.record,
  };
}

/** What a host says of itself, and what it is called. */
interface Teller extends HostState {
  readonly host: string;
}

function systemOf(wish: ReturnWish, state: Teller): StorePath {
  if (wish === "earlier") return earlierThanRunning(state);
  return "run" in wish ? systemOfRun(wish.run, state) : systemOfGeneration(wish.generation, state);
}

/**
 * The records as a stack: a deployment goes on top of those before it, going back takes off what it went back over. So
 * that after going back, the deployment before is the one that is still earlier, and not the one that was gone back from.
 */
function earlierThanRunning({ deployments, generations, facts, host }: Teller): StorePath {
  const stack: DeploymentRecord[] = [];
  for (const record of [...deployments].reverse()) {
    const at = stack.findLastIndex(({ to }) => to === record.to);
    if (tookBack(record) && at !== -1) stack.length = at + 1;
    else if (at === -1 || at < stack.length - 1) stack.push(record);
  }
  const at = stack.findLastIndex(({ to }) => to === facts.running);
  // What runs was brought by nobody we know: the last that we know of is the one before it.
  const target = at === -1 ? stack.at(-1)?.to : stack[at - 1]?.to;
  if (target !== undefined) return target;
  // The first deployment that is known says what was there before it; that counts where it was more than a try.
  const before = stack[0]?.from ?? undefined;
  if (before !== undefined && generations.some(({ system }) => system === before)) return before;
  throw new RolloutError("rollout/no-earlier", "it has no record of a deployment before the one it runs", {
    hint: `skep history --on ${host} shows what it has; --to N goes to a generation of it`,
  });
}

function systemOfGeneration(number: number, state: HostState): StorePath {
  const found = state.generations.find((generation) => generation.number === number);
  if (found !== undefined) return found.system;
  const record = state.deployments.find(({ generation }) => generation === number);
  if (record !== undefined) throw collected(record.to, state, `generation ${number}, `);
  throw new RolloutError("rollout/no-such-deployment", `it has no generation ${number}`, { hint: whatIsThere(state) });
}

function systemOfRun(run: string, { deployments, host }: Teller): StorePath {
  const record = deployments.find((one) => one.run === run);
  if (record !== undefined) return record.to;
  const known = deployments.map((one) => one.run);
  throw new RolloutError("rollout/no-such-deployment", `it has no record that run ${run} brought it anything`, {
    hint: didYouMean(run, known) ?? `skep history --on ${host} lists the runs that did`,
  });
}

function collected(system: StorePath, state: HostState, what = ""): RolloutError {
  const revision = deploymentOf(state, system)?.hive.revision ?? undefined;
  const anew = revision === undefined ? "deploy it anew" : `deploy it anew from revision ${revision.slice(0, 12)}`;
  const message = `${what}${system} was collected: its store does not have it any more`;
  return new RolloutError("rollout/collected", message, { hint: `${anew}; ${whatIsThere(state)}` });
}

function whatIsThere({ generations }: HostState): string {
  const numbers = generations.filter(({ isThere }: ProfileGeneration) => isThere).map(({ number }) => number);
  return numbers.length === 0 ? "it has no generations" : `it has the generations ${numbers.reverse().join(", ")}`;
}
