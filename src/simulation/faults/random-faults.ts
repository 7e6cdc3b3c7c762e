import type { Host } from "#hive";
import type { Random } from "../random.ts";
import type { Fault } from "./fault.ts";

/** What of a share of hosts goes wrong. `bad-system`: the new system does not start, or its checks fail. */
export const RANDOM_FAULTS = [
  "bad-system",
  "switch-fails",
  "switch-hangs",
  "unhealthy",
  "flapping",
  "checks-hang",
  "cannot-open-secrets",
  "secrets-unit-fails",
  "slow",
  "boot-fails",
  "cannot-go-back",
  "connection-lost",
  "network-cut",
  "dead",
  "reboot",
  "agent-killed",
  "disk-full",
  "run-full",
  "lease-stolen",
] as const;

export type RandomFault = (typeof RANDOM_FAULTS)[number];

const STEPS = ["copy", "test", "login", "check", "commit"] as const;
const LATEST_MS = 10_000;
const AWAY_MS = 60_000;

/** One fault of a kind on each of so many hosts, all of it by the dice: which hosts, and when. */
export function randomFaults(
  kind: RandomFault,
  { hosts, count, random }: { readonly hosts: readonly Host[]; readonly count: number; readonly random: Random },
): readonly Fault[] {
  return random.sample(hosts, count).map((host) => faultOn(host, { kind, random }));
}

function faultOn(
  { name: host, checks }: Host,
  { kind, random }: { readonly kind: RandomFault; readonly random: Random },
): Fault {
  const when = {
    step: STEPS[random.between(0, STEPS.length - 1)] ?? "test",
    afterMs: random.between(0, LATEST_MS),
  };
  switch (kind) {
    case "bad-system":
      // A host without checks is never seen to be unwell.
      return { host, kind: checks.length > 0 && random.next() < 0.5 ? "unhealthy" : "switch-fails" };
    case "flapping":
      return { host, kind, share: 0.5 };
    case "slow":
      return { host, kind, factor: random.between(3, 20) };
    case "switch-fails":
    case "switch-hangs":
    case "unhealthy":
    case "checks-hang":
    case "cannot-open-secrets":
    case "secrets-unit-fails":
    case "boot-fails":
    case "cannot-go-back":
      return { host, kind };
    case "network-cut":
      return { host, kind, when, forMs: AWAY_MS };
    case "connection-lost":
    case "dead":
    case "reboot":
    case "agent-killed":
    case "disk-full":
    case "run-full":
    case "lease-stolen":
      return { host, kind, when };
  }
}
