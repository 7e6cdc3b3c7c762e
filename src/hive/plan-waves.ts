import type { Hive, HostName, Wave } from "./hive.ts";
import { selectHosts } from "./select-hosts.ts";

/**
 * Every host in the first wave whose selection names it; those in none come last, as `rest`. Waves that are left without
 * a host are left out.
 * @throws HiveError as selectHosts does.
 */
export function planWaves(hive: Pick<Hive, "hosts">, selections: readonly string[]): readonly Wave[] {
  const placed = new Set<HostName>();
  const take = (name: string, names: readonly HostName[]): Wave => {
    const hosts = names.filter((host) => !placed.has(host));
    for (const host of hosts) placed.add(host);
    return { name, hosts };
  };
  const namesOf = (selection?: string): readonly HostName[] => selectHosts(hive, selection).map(({ name }) => name);
  const waves = selections.map((selection) => take(selection, namesOf(selection)));
  return [...waves, take("rest", namesOf())].filter(({ hosts }) => hosts.length > 0);
}
