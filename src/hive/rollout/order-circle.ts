import type { HostName } from "../hive.ts";

/** Hosts of `after` follow all of `before`. */
export interface OrderRule {
  readonly before: readonly HostName[];
  readonly after: readonly HostName[];
}

/**
 * Hosts of which each is to go before the next, the last of them being the first again; undefined when the rules can all be
 * kept. Takes time in proportion to what the rules name, not to the pairs of hosts that they are about.
 */
export function findCircle(rules: readonly OrderRule[]): readonly HostName[] | undefined {
  const links = linksOf(rules);
  const stuck = stuckRules(links);
  const [start] = stuck;
  if (start === undefined) return undefined;
  // Of the rules before a stuck one some are stuck as well: going back through those must come round.
  const path: number[] = [];
  let at = start;
  while (!path.includes(at)) {
    path.push(at);
    at = [...(links[at]?.keys() ?? [])].find((rule) => stuck.has(rule)) ?? at;
  }
  const circle = path.slice(path.indexOf(at)).reverse();
  const hosts = circle.flatMap((rule, index) => links[rule]?.get(circle.at(index - 1) ?? rule) ?? []);
  return [...hosts, ...hosts.slice(0, 1)];
}

/** For each rule the rules it has to wait for, each with a host that follows there and leads here. */
type Links = readonly ReadonlyMap<number, HostName>[];

function linksOf(rules: readonly OrderRule[]): Links {
  const following = new Map<HostName, number[]>();
  rules.forEach(({ after }, index) => {
    for (const host of after) following.set(host, [...(following.get(host) ?? []), index]);
  });
  return rules.map(
    ({ before }) => new Map(before.flatMap((host) => (following.get(host) ?? []).map((rule) => [rule, host] as const))),
  );
}

/** The rules that lie on a circle or behind one. */
function stuckRules(links: Links): ReadonlySet<number> {
  const waitsFor = links.map((link) => link.size);
  const followers = links.map((): number[] => []);
  links.forEach((link, index) => {
    for (const rule of link.keys()) followers[rule]?.push(index);
  });
  const free = [...waitsFor.keys()].filter((rule) => waitsFor[rule] === 0);
  for (const rule of free) {
    for (const follower of followers[rule] ?? []) {
      const left = (waitsFor[follower] ?? 0) - 1;
      waitsFor[follower] = left;
      if (left === 0) free.push(follower);
    }
  }
  const freed = new Set(free);
  return new Set([...links.keys()].filter((rule) => !freed.has(rule)));
}
