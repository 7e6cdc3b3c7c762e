import type { HiveInput, HostInput } from "#hive";
import { nixos, unit } from "#hive";

/**
 * A hive of so many made-up hosts, `host-1` and so on, each with one check. Every hundredth, from the first, is tagged
 * `canary`; every tenth `db`, the others `web`.
 */
export function madeUpHive(count: number, settings: Omit<HiveInput, "hosts"> = {}): HiveInput {
  const hosts: Record<string, HostInput> = {};
  for (let number = 1; number <= count; number += 1) {
    hosts[`host-${number}`] = {
      tags: [...(number % 100 === 1 ? ["canary"] : []), number % 10 === 0 ? "db" : "web"],
      system: nixos({ flake: "github:simulated/fleet" }),
      checks: [unit("service", { period: "2s", deadline: "30s" })],
    };
  }
  return { name: "simulated", ...settings, hosts };
}
