import { messageOf } from "#core";
import { describeFound } from "../describe-found.ts";
import { HiveError } from "../errors.ts";
import type { Host } from "../hive.ts";
import type { Path, Problems } from "../problems.ts";
import { selectHosts } from "../selection/select-hosts.ts";
import { writeAmount } from "./amount.ts";
import { makeWaves, takesRest } from "./make-waves.ts";
import { findCircle } from "./order-circle.ts";
import { refuseEarlyWaves } from "./refuse-early-waves.ts";
import type { Amount, RolloutPolicy } from "./rollout-policy.ts";
import type { RolloutRead, WaveRead } from "./rollout-schema.ts";

/** The bound over all hosts, among those of selections. */
const ALL = "*";

export interface MakeRolloutContext {
  /** Undefined when not all of them could be read: then nothing is said of selections. */
  readonly hosts: readonly Host[] | undefined;
  readonly problems: Problems;
}

/** The policy with its defaults. What cannot be kept, whatever hosts a run is of, is added to the problems. */
export function makeRollout(read: RolloutRead, { hosts, problems }: MakeRolloutContext): RolloutPolicy {
  const { waves = [], soak = 0, pause = 0, maxUnavailable = {}, maxFailures = { hosts: 0 }, order = [] } = read;
  refuseEarlyRest(waves, problems);
  refuseSharedNames(waves, problems);
  refuseLargerBudgets(waves, { maxFailures, problems });
  const policy: RolloutPolicy = {
    waves: makeWaves(waves, { soakMs: soak, pauseMs: pause, maxFailures }),
    maxUnavailable: maxUnavailable[ALL],
    maxUnavailableOf: Object.entries(maxUnavailable)
      .filter(([selection]) => selection !== ALL)
      .map(([selection, amount]) => ({ selection, amount })),
    maxFailures,
    order: order.map(([before, after]) => ({ before, after })),
    onFailure: read.onFailure ?? "stop",
  };
  if (hosts !== undefined && selectsWell(policy, { hosts, problems })) refuseBadOrder(policy, { hosts, problems });
  return policy;
}

function refuseEarlyRest(waves: readonly WaveRead[], problems: Problems): void {
  waves.slice(0, -1).forEach((wave, index) => {
    if (!takesRest(wave)) return;
    problems.add(
      ["rollout", "waves", index],
      `"rest" as the last wave, as in ["@canary", "rest"]`,
      "more waves behind it, for which it leaves nothing",
    );
  });
}

function refuseSharedNames(waves: readonly WaveRead[], problems: Problems): void {
  waves.forEach(({ name }, index) => {
    const first = waves.findIndex((other) => other.name === name);
    if (name === undefined || first === index) return;
    problems.add(
      ["rollout", "waves", index, "name"],
      `a name of its own, for reports call a wave by it`,
      `${describeFound(name)}, which waves[${first}] is called`,
    );
  });
}

/** The run would stop before such a wave does. */
function refuseLargerBudgets(
  waves: readonly WaveRead[],
  { maxFailures, problems }: { readonly maxFailures: Amount; readonly problems: Problems },
): void {
  if (!("hosts" in maxFailures)) return;
  waves.forEach(({ maxFailures: own }, index) => {
    if (own === undefined) return;
    // A share is compared with a number where that is 0: there it can never be used.
    const fits = "hosts" in own ? own.hosts <= maxFailures.hosts : maxFailures.hosts > 0;
    if (fits) return;
    const expected = `no more than rollout.maxFailures, ${writeAmount(maxFailures)}, at which the whole run stops`;
    problems.add(["rollout", "waves", index, "maxFailures"], expected, writeAmount(own));
  });
}

interface HostsContext {
  readonly hosts: readonly Host[];
  readonly problems: Problems;
}

/** Whether every selection selects hosts of this hive. */
function selectsWell(policy: RolloutPolicy, { hosts, problems }: HostsContext): boolean {
  const selections: readonly (readonly [path: Path, selection: string])[] = [
    ...policy.waves.flatMap(({ selection }, index) =>
      selection === undefined ? [] : [[["waves", index], selection] as const],
    ),
    ...policy.maxUnavailableOf.map(({ selection }) => [["maxUnavailable", selection], selection] as const),
    ...policy.order.flatMap(({ before, after }, index) => [
      [["order", index, 0], before] as const,
      [["order", index, 1], after] as const,
    ]),
  ];
  const wrong = selections.filter(([path, selection]) => {
    try {
      return selectHosts({ hosts }, selection).length === 0;
    } catch (error) {
      const hint = error instanceof HiveError && error.hint !== undefined ? `; ${error.hint}` : "";
      const found = `that ${messageOf(error)}${hint}`;
      problems.add(["rollout", ...path], 'a selection of hosts of this hive, as in "@web"', found);
      return true;
    }
  });
  return wrong.length === 0;
}

function refuseBadOrder(policy: RolloutPolicy, { hosts, problems }: HostsContext): void {
  const namesOf = (selection: string) => selectHosts({ hosts }, selection).map(({ name }) => name);
  const rules = policy.order.map(({ before, after }) => ({ before: namesOf(before), after: namesOf(after) }));
  const { lines } = problems;
  rules.forEach(({ before, after }, index) => {
    const first = new Set(before);
    const both = after.find((name) => first.has(name));
    if (both === undefined) return;
    problems.add(
      ["rollout", "order", index],
      `the first selection to go before the second, as in ["@db", "@web"]`,
      `${both} in both`,
    );
  });
  if (problems.lines.length > lines.length) return;
  const circle = findCircle(rules);
  if (circle === undefined) refuseEarlyWaves(policy.waves, { hosts, rules, problems });
  else
    problems.add(
      ["rollout", "order"],
      "an order that leaves somebody to go first",
      `a circle: ${circle.join(" before ")}`,
    );
}
