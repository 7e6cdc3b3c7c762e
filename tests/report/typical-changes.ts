import type { HostName } from "#hive";
import type { JournalRead, KnownChange, RolloutEvent } from "#rollout";
import { changeId } from "#rollout";

/** A later NixOS, as a plan tells it: so many packages that nobody reads them all. */
export function bigChange(version: string): KnownChange {
  const packages = Array.from({ length: 40 }, (_, index) => ({
    ...{ name: `package-${index}`, kind: "up" as const, from: ["1.0"], to: [version], sizeDelta: index * 9_000 },
  }));
  const rebuilt = Array.from({ length: 60 }, (_, index) => ({
    ...{ name: `rebuilt-${index}`, kind: "rebuilt" as const, from: [], to: [], sizeDelta: 0 },
  }));
  return {
    packages: [...packages, ...rebuilt],
    units: { stop: [], reload: ["dbus.service"], restart: ["nginx.service", "sshd.service"], start: [] },
    etc: { added: [], changed: ["nginx/nginx.conf", "static/os-release"], removed: [] },
    hooks: { before: [], after: [] },
    secrets: { added: [], changed: [], mayChange: [], broughtAgain: [], removed: [] },
    reboot: "kernel 6.6.1 -> 6.6.9",
  };
}

/** One of a few rows, with each word that there is. */
export const SMALL_CHANGE: KnownChange = {
  packages: [
    { name: "nginx", kind: "up", from: ["1.24.0"], to: ["1.26.1"], sizeDelta: 120_000 },
    { name: "openssl", kind: "down", from: ["3.0.13"], to: ["3.0.12"], sizeDelta: -300_000 },
    { name: "hello", kind: "added", from: [], to: ["2.12"], sizeDelta: 50_000 },
    { name: "cowsay", kind: "removed", from: ["3.7"], to: [], sizeDelta: -50_000 },
    { name: "etc-{host}", kind: "rebuilt", from: [], to: [], sizeDelta: 0 },
  ],
  units: { stop: ["cowsay.service"], reload: [], restart: ["nginx.service"], start: ["hello.service"] },
  etc: { added: ["hello.conf"], changed: ["nginx/nginx.conf"], removed: ["cowsay.conf"] },
  secrets: { added: ["web/token"], changed: [], mayChange: [], broughtAgain: [], removed: [] },
};

/** The events, and what changes on hosts of theirs before each of them ends; in full once. */
export function withChanges(
  events: readonly RolloutEvent[],
  changeOf: (host: HostName) => KnownChange | undefined,
): readonly RolloutEvent[] {
  const told = new Set<string>();
  return events.flatMap((event): readonly RolloutEvent[] => {
    const change = event.type === "host-finished" ? changeOf(event.host) : undefined;
    if (event.type !== "host-finished" || change === undefined) return [event];
    const id = changeId(change);
    const full = told.has(id) ? undefined : change;
    told.add(id);
    return [{ at: event.at, type: "changes", host: event.host, id, change: full }, event];
  });
}

/** A journal in which every third deployed host got a small change of its own kind, and the others one of two big ones. */
export function journalWithChanges(journal: JournalRead): JournalRead {
  const ended = new Map(journal.report?.hosts.map((one) => [one.host, one.outcome]));
  const changeOf = (host: HostName): KnownChange | undefined => {
    if (["unchanged", "skipped"].includes(ended.get(host) ?? "skipped")) return undefined;
    const number = Number(host.replace(/\D/g, ""));
    return number % 3 === 0
      ? { ...SMALL_CHANGE, units: { stop: [], reload: [], restart: [`web-${number % 60}.service`], start: [] } }
      : bigChange(`2.${number % 2}`);
  };
  return { ...journal, events: withChanges(journal.events, changeOf) };
}
