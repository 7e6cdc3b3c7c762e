/** What must hold of every simulated run, whatever its fleet, its policy and its faults. Each law says what breaks it. */
import { countOf, selectHosts } from "#hive";
import type { RolloutEvent } from "#rollout";
import type { HostStanding, SimulatedEnd, SimulatedRollout } from "#simulation";
import { mostUnavailable } from "#simulation";
import type { Played } from "./arbitrary-runs.ts";

type Law = (played: Played) => readonly string[];

const kinds = ({ faults }: Played, host: string): readonly string[] =>
  faults.flatMap((fault) => ("host" in fault && fault.host === host ? [fault.kind] : []));
const isOnlyByReboot = ({ faults }: Played, host: string): boolean =>
  faults.some((fault) => fault.kind === "switch-fails" && fault.host === host && fault.exitCode === 100);
const operatorDid = ({ faults }: Played, ...what: readonly string[]): boolean =>
  faults.some(({ kind }) => what.includes(kind));

/** Every host ends, and truly is what its outcome says. */
export const outcomesAreTrue: Law = (played) => {
  const { rollout, course } = played;
  return [...rollout.hosts].flatMap(([name, end]) => {
    const wrong =
      rollout.report === undefined && end.outcome === undefined ? [] : untruths(end, { name, course, played });
    return wrong.map((what) => `${name}: ${what} (${JSON.stringify(end)})`);
  });
};

function untruths(
  { outcome, whenFinished: now, finally: later, wasActivated }: SimulatedEnd,
  {
    name,
    course: { goal },
    played,
  }: { readonly name: string; readonly course: Played["course"]; readonly played: Played },
): readonly string[] {
  if (outcome === undefined || now === undefined) return ["it has no outcome"];
  // A host that has what it is to get has nothing older.
  const before = played.upToDate.has(name) || goal === "secrets" ? "new" : "old";
  const secrets = played.secretsOf.get(name);
  const newSecrets = secrets === "none" ? "none" : "new";
  const oldSecrets = secrets === "changed" ? "old" : newSecrets;
  const wasResumed = played.rollout.resumedAfter !== undefined;
  // A host that loses power in the middle of a commit keeps the profile's new generation, and boots the old one.
  const lostPower = kinds(played, name).some((kind) => kind === "dead" || kind === "reboot");
  const asBefore: Partial<HostStanding> = {
    ...{ runs: before, boots: before, secrets: oldSecrets },
    ...(lostPower ? {} : { profile: before }),
  };
  const isShared = operatorDid(played, "second-operator");
  const must = (found: HostStanding, wanted: Partial<HostStanding>): readonly string[] =>
    // What is to boot next is anybody's who has the lease after us.
    // What an agent of ours left stranded there nobody knows any more after that.
    isShared && (goal === "boot" || wasResumed) ? [] : differences(found, wanted, { isShared });
  switch (outcome) {
    case "deployed":
      if (goal === "switch") {
        const wanted = { runs: "new", boots: "new", profile: "new", secrets: newSecrets } as const;
        return must(now, isRebooted(name, played) ? { ...wanted, booted: "new" } : wanted);
      }
      if (goal === "boot") {
        return must(now, { boots: "new", profile: "new", ...(isRebooted(name, played) ? { runs: "new" } : {}) });
      }
      // What was only tried is gone with a boot; a run that is resumed tells again how it ended.
      if (goal === "test" && lostPower && played.rollout.resumedAfter !== undefined) return [];
      return must(now, { runs: "new", secrets: newSecrets });
    case "unchanged":
      return must(now, goal === "boot" ? { boots: "new" } : { runs: "new", secrets: newSecrets });
    case "skipped":
    case "failed":
      return [
        ...must(now, asBefore),
        // What only a reboot brings is refused before anything of it is activated; what went back by itself is begun anew.
        ...(wasActivated && goal !== "boot" && !isOnlyByReboot(played, name) && !wasResumed
          ? ["it was activated"]
          : []),
      ];
    case "rolled-back":
      return [...must(now, asBefore), ...(now.isUp ? [] : ["it is down, and nobody can have seen it"])];
    case "stranded":
      if (kinds(played, name).length > 0 || operatorDid(played, ...LEAVING, "second-operator")) return [];
      // As many others are lost as may be away, so it could not go back: it keeps what was deployed.
      if (codeOf(played, name) !== "rollout/not-reverted") return ["nothing happened to it"];
      return must(later, goal === "switch" ? { runs: "new", boots: "new" } : { runs: "new" });
  }
}

function codeOf({ rollout: { report } }: Played, name: string): string | undefined {
  const host = report?.hosts.find(({ host }) => host === name);
  return host !== undefined && "error" in host ? host.error.code : undefined;
}

/** @param options.isShared whether somebody else deploys to it too, which may then be what it has. */
function differences(
  now: HostStanding,
  wanted: Partial<HostStanding>,
  { isShared }: { readonly isShared: boolean },
): readonly string[] {
  return (["runs", "boots", "booted", "profile", "secrets"] as const).flatMap((what) => {
    const word = wanted[what];
    // What is down runs nothing.
    const isDark = !now.isUp && (what === "runs" || what === "booted" || what === "secrets");
    if (word === undefined || now[what] === word || isDark) return [];
    return isShared && now[what] === "other" ? [] : [`${what} ${now[what]} instead of ${word}`];
  });
}

/** Whether the policy has a host rebooted that is deployed. */
function isRebooted(name: string, { course, upToDate, hosts }: Played): boolean {
  // What is to be taken back is not rebooted before.
  if (course.resume?.wanted === "revert") return false;
  // Of such a host only the secrets change.
  if (upToDate.has(name) || course.reboot === undefined || course.reboot === "never") return false;
  const index = hosts.findIndex((host) => host.name === name);
  return course.reboot === "always" || course.goal === "boot" || course.hosts[index]?.needsReboot === true;
}

const LEAVING = ["operator-leaves", "operator-killed", "operator-crashed"] as const;

/** What cannot be proven is not kept: no host ends deployed whose new system does not start or is never well. */
export const onlyTheProvenIsKept: Law = (played) => {
  const { rollout, faults, upToDate, secretsOf } = played;
  const { goal, reboot = "never" } = played.course;
  return faults.flatMap((fault) => {
    if (!("host" in fault) || goal === "boot") return [];
    if (reboot !== "never" && isOnlyByReboot(played, fault.host)) return [];
    const isSystemNew = goal !== "secrets" && !upToDate.has(fault.host);
    const areSecretsNew = secretsOf.get(fault.host) === "changed";
    const isBad =
      (isSystemNew && (fault.kind === "switch-fails" || fault.kind === "switch-hangs")) ||
      (areSecretsNew && (fault.kind === "cannot-open-secrets" || fault.kind === "secrets-unit-fails")) ||
      ((isSystemNew || areSecretsNew) &&
        (fault.kind === "checks-hang" || (fault.kind === "unhealthy" && (fault.afterMs ?? 0) === 0)));
    if (!isBad) return [];
    return rollout.hosts.get(fault.host)?.outcome === "deployed"
      ? [`${fault.host} keeps a system that ${fault.kind}`]
      : [];
  });
};

/** Never are more hosts unavailable than every bound allows. */
export const boundsAreKept: Law = ({ rollout: { outages, events }, policy, hosts }) => {
  const names = new Set<string>(hosts.map(({ name }) => name));
  const bounds = [
    ...(policy.maxUnavailable === undefined ? [] : [{ of: "the run", amount: policy.maxUnavailable, names }]),
    ...policy.maxUnavailableOf.map(({ selection, amount }) => ({
      ...{ of: selection, amount },
      names: new Set<string>(selectHosts({ hosts }, selection).map(({ name }) => name)),
    })),
    ...wavesOf(events, hosts).flatMap(({ name, hosts: ofWave }) => {
      const amount = policy.waves.find((wave) => wave.name === name)?.maxUnavailable;
      return amount === undefined ? [] : [{ of: name, amount, names: new Set(ofWave) }];
    }),
  ];
  return bounds.flatMap(({ of, amount, names: among }) => {
    const most = mostUnavailable(outages, among);
    const allowed = countOf(amount, among.size, { atLeast: 1 });
    return most <= allowed ? [] : [`${most} hosts of ${of} were unavailable, and ${allowed} may be`];
  });
};

/** After a budget is overdrawn nothing is begun: only what was in flight can add to it. */
export const budgetsAreKept: Law = ({ rollout, policy, hosts }) => {
  const { events } = rollout;
  const underWay = begunBeforeResuming(rollout);
  const waves = wavesOf(events, hosts);
  const bad = new Set<string>();
  let overdrawnBy: string | undefined;
  const late: string[] = [];
  for (const [index, event] of events.entries()) {
    // What was cut short is taken up again, and what ended before is told again.
    if (index === rollout.resumedAfter) {
      bad.clear();
      overdrawnBy = undefined;
    }
    const isBegun = event.type === "step-started" && event.step === "connect" && !underWay.has(event.host);
    if (isBegun && overdrawnBy !== undefined) {
      late.push(`${event.host} was begun after ${overdrawnBy} had overdrawn the budget`);
    }
    if (event.type !== "host-finished" || !isBad(event.report.outcome) || overdrawnBy !== undefined) continue;
    bad.add(event.host);
    const wave = waves.find((one) => one.hosts.includes(event.host));
    const ofWave = policy.waves.find(({ name }) => name === wave?.name)?.maxFailures ?? policy.maxFailures;
    const size = wave?.hosts.length ?? hosts.length;
    const badOfWave = wave?.hosts.filter((name) => bad.has(name)).length ?? bad.size;
    const isOver = bad.size > countOf(policy.maxFailures, hosts.length) || badOfWave > countOf(ofWave, size);
    if (isOver) overdrawnBy = event.host;
  }
  return late;
};

/** What goes before others has ended well before they are begun, and no wave begins before the one before it is over. */
export const orderIsKept: Law = ({ rollout, policy, hosts }) => {
  // What was skipped before the run was resumed has its turn then.
  const events = rollout.events.slice(rollout.resumedAfter ?? 0);
  const underWay = begunBeforeResuming(rollout);
  const begun = new Map<string, number>();
  const ended = new Map<string, { readonly index: number; readonly outcome: string }>();
  for (const [index, event] of events.entries()) {
    if (event.type === "step-started" && event.step === "connect" && !begun.has(event.host)) {
      if (!underWay.has(event.host)) begun.set(event.host, index);
    }
    if (event.type === "host-finished" && !ended.has(event.host)) {
      ended.set(event.host, { index, outcome: event.report.outcome });
    }
  }
  const rules = policy.order.flatMap(({ before, after }) =>
    selectHosts({ hosts }, after).flatMap(({ name }) =>
      selectHosts({ hosts }, before).map((other) => ({ name, other: other.name })),
    ),
  );
  const unordered = rules.flatMap(({ name, other }) => {
    const at = begun.get(name);
    const end = ended.get(other);
    if (at === undefined) return [];
    if (end !== undefined && end.index < at && (end.outcome === "deployed" || end.outcome === "unchanged")) return [];
    return [`${name} was begun while ${other} was ${end?.outcome ?? "under way"}`];
  });
  const waves = wavesOf(events, hosts);
  const early = waves.flatMap(({ name, hosts: ofWave }, number) => {
    const before = waves.slice(0, number).flatMap((wave) => wave.hosts);
    const first = Math.min(...ofWave.map((host) => begun.get(host) ?? Number.POSITIVE_INFINITY));
    const late = before.find((host) => (ended.get(host)?.index ?? Number.POSITIVE_INFINITY) > first);
    return late === undefined ? [] : [`wave ${name} was begun before ${late} was at its end`];
  });
  return [...unordered, ...early];
};

/** As many at once as the limits say. */
export const limitsAreKept: Law = ({ rollout: { events, resumedAfter }, course: { limits } }) => {
  let [underWay, most] = [0, 0];
  const begun = new Set<string>();
  for (const event of events.slice(0, resumedAfter)) {
    if (event.type === "step-started" && event.step === "connect") {
      begun.add(event.host);
      underWay += 1;
      most = Math.max(most, underWay);
    }
    if (event.type === "host-finished" && begun.delete(event.host)) underWay -= 1;
  }
  return most > limits.parallel ? [`${most} hosts at once`] : [];
};

/** The host saves itself: no agent is at work for longer than it may, and none of its systems outlives it unconfirmed. */
export const nothingIsOverdue: Law = (played) =>
  played.rollout.overdue.flatMap(({ host, run }) =>
    kinds(played, host).includes("cannot-go-back") ? [] : [`${host} still runs the unconfirmed system of ${run}`],
  );

/** Hours later every host that is up is whole: it boots what it runs, nothing is at work on it, and nobody holds it. */
export const hostsAreWhole: Law = (played) =>
  [...played.rollout.hosts].flatMap(([name, { finally: end }]) => {
    if (!end.isUp) return [];
    const wrong = [];
    if (end.isLeased) wrong.push("it is still leased");
    if (end.agents.length > 0) wrong.push(`an agent is still ${end.agents.join(", ")}`);
    // What only a reboot brings is left for the operator to reboot into, who may be gone; nor can another go back to it.
    const isLeftToBoot =
      isOnlyByReboot(played, name) && operatorDid(played, "operator-stops", ...LEAVING, "second-operator");
    const isHalf = end.runs !== end.boots && played.course.goal === "switch" && !isLeftToBoot;
    if (isHalf && !kinds(played, name).includes("cannot-go-back"))
      wrong.push(`it runs ${end.runs} and boots ${end.boots}`);
    return wrong.map((what) => `${name}: ${what}`);
  });

/** Hosts that a resumed run finds under way: it looks at them at once, whatever their turn. */
function begunBeforeResuming({ events, resumedAfter = 0 }: SimulatedRollout): ReadonlySet<string> {
  return new Set(
    events
      .slice(0, resumedAfter)
      .flatMap((event) => (event.type === "step-started" && event.step === "connect" ? [event.host] : [])),
  );
}

function wavesOf(
  events: readonly RolloutEvent[],
  hosts: Played["hosts"],
): readonly { readonly name: string; readonly hosts: readonly string[] }[] {
  const waves = events.flatMap((event) =>
    event.type === "wave-started" ? [{ name: event.wave, hosts: event.hosts }] : [],
  );
  return waves.length > 0 ? waves : [{ name: "rest", hosts: hosts.map(({ name }) => name) }];
}

function isBad(outcome: string): boolean {
  return outcome === "failed" || outcome === "rolled-back" || outcome === "stranded";
}

export const laws = {
  "every host ends, and truly is what its outcome says": outcomesAreTrue,
  "no host keeps a system that does not start or is never well": onlyTheProvenIsKept,
  "never more hosts are unavailable than every bound allows": boundsAreKept,
  "nothing is begun after a budget is overdrawn": budgetsAreKept,
  "what goes before others ended well before they are begun": orderIsKept,
  "no more hosts are under way than the limits say": limitsAreKept,
  "no host runs an unconfirmed system after its deadline": nothingIsOverdue,
  "hours later every host is whole, and nobody holds it": hostsAreWhole,
} as const satisfies Readonly<Record<string, Law>>;
