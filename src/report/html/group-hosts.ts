import type { HostState } from "../run/run-state.ts";
import { ENDINGS, endingOf } from "./endings.ts";

/** Up to so many hosts, each stands for itself. */
const MOST_SINGLE = 40;
const FEWEST_IN_GROUP = 3;

/**
 * Hosts that went the same way together: the same wave, steps and ending, for the same reason. Of a small run, each by
 * itself. Those that need somebody come first.
 */
export function groupHosts(
  hosts: readonly HostState[],
  { waveOf }: { readonly waveOf: (host: string) => string | undefined },
): readonly (readonly HostState[])[] {
  const groups = new Map<string, HostState[]>();
  for (const host of hosts) {
    const key = hosts.length <= MOST_SINGLE ? host.name : keyOf(host, waveOf(host.name));
    const group = groups.get(key) ?? [];
    group.push(host);
    groups.set(key, group);
  }
  const all = [...groups.values()].flatMap((group) =>
    group.length < FEWEST_IN_GROUP ? group.map((host) => [host]) : [group],
  );
  return all.sort((one, other) => rankOf(one) - rankOf(other));
}

function rankOf([first]: readonly HostState[]): number {
  return first === undefined ? 0 : ENDINGS.indexOf(endingOf(first));
}

function keyOf({ name, report, course }: HostState, wave: string | undefined): string {
  // Many messages say the name of their host.
  const why =
    report === undefined
      ? ""
      : "error" in report
        ? [report.error.code, report.error.message.replaceAll(name, "")]
        : "reason" in report
          ? report.reason
          : "";
  return JSON.stringify([wave, report?.outcome, why, course.map(({ step, error }) => [step, error?.code])]);
}
