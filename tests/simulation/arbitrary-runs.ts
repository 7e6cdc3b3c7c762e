/** Random fleets, policies and schedules of faults. */
import fc from "fast-check";
import type { Host, RolloutInput } from "#hive";
import { HiveError, nixos, parseHive, unit } from "#hive";
import type { Step } from "#rollout";
import type { Fault, SimulatedRollout } from "#simulation";
import { SimulatedFleet } from "#simulation";

export interface Course {
  readonly seed: number;
  readonly hosts: readonly CourseHost[];
  readonly policy: RolloutInput;
  readonly limits: { readonly parallel: number; readonly copy: number; readonly activate: number };
  readonly goal: "switch" | "test" | "boot" | "secrets";
  readonly reboot?: "never" | "if-needed" | "always" | undefined;
  readonly faults: readonly Fault[];
  readonly resume?: { readonly afterMs: number; readonly wanted: "finish" | "finish-begun" | "revert" } | undefined;
}

export interface CourseHost {
  readonly role: "web" | "db";
  readonly isCanary: boolean;
  readonly isUpToDate: boolean;
  /** Whether it has secrets, and gets others. */
  readonly secrets?: "none" | "same" | "changed" | undefined;
  readonly needsReboot?: boolean | undefined;
}

const STEPS: readonly Step[] = [
  ...(["connect", "probe", "lease", "copy", "secrets", "test", "login", "check", "confirm", "commit"] as const),
  ...(["reboot", "roll-back"] as const),
];

const amount = fc.oneof(
  fc.integer({ min: 1, max: 4 }),
  fc.constantFrom("10%" as const, "25%" as const, "50%" as const),
);
const failures = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom("25%" as const));

const wave = fc.record(
  {
    hosts: fc.constantFrom("@canary", "@web", "@db"),
    size: amount,
    soak: fc.constantFrom(0, 10_000, 45_000),
    pause: fc.constantFrom(0, 60_000),
    maxFailures: fc.constant(0),
    maxUnavailable: amount,
  },
  { requiredKeys: ["size"] },
);

const policy: fc.Arbitrary<RolloutInput> = fc.record(
  {
    waves: fc
      .array(wave, { minLength: 0, maxLength: 3 })
      .map((waves) => waves.map((one, index) => ({ ...one, name: `wave ${index + 1}` }))),
    maxUnavailable: fc.oneof(amount, fc.record({ "*": amount, "@db": amount }, { requiredKeys: [] })),
    maxFailures: failures,
    order: fc.constantFrom([["@db", "@web"]] as const, []),
    onFailure: fc.constantFrom("stop", "revert-wave", "revert-run"),
  },
  { requiredKeys: [] },
);

/** Where there are fewer hosts, those are counted round. */
const MOST_HOSTS = 12;
const hostName = fc.integer({ min: 1, max: MOST_HOSTS }).map((number) => `host-${number}`);
const when = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      step: fc.constantFrom(...STEPS),
      afterMs: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 30_000 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ atMs: fc.integer({ min: 0, max: 200_000 }) }) },
);
const forMs = fc.constantFrom(0, 500, 20_000, 60_000, 400_000);

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ host: hostName, kind: fc.constant("switch-fails"), exitCode: fc.constantFrom(1, 4, 100) }),
  fc.record({ host: hostName, kind: fc.constant("switch-hangs") }),
  fc.record({ host: hostName, kind: fc.constant("unhealthy"), afterMs: fc.constantFrom(0, 8_000, 40_000) }),
  fc.record({ host: hostName, kind: fc.constant("flapping"), share: fc.constantFrom(0.2, 0.6) }),
  fc.record({ host: hostName, kind: fc.constantFrom("boot-fails", "cannot-go-back", "checks-hang") }),
  fc.record({ host: hostName, kind: fc.constantFrom("cannot-open-secrets", "secrets-unit-fails") }),
  fc.record({ host: hostName, kind: fc.constant("slow"), factor: fc.constantFrom(3, 40) }),
  fc.record({
    host: hostName,
    when,
    kind: fc.constantFrom("connection-lost", "network-cut", "dead", "lease-stolen"),
    forMs,
  }),
  fc.record({ host: hostName, when, kind: fc.constantFrom("disk-full", "run-full"), forMs }),
  fc.record({ host: hostName, when, kind: fc.constantFrom("dead", "reboot", "agent-killed") }),
  fc.record({
    kind: fc.constantFrom("operator-stops", "operator-leaves", "operator-killed", "operator-crashed"),
    when: fc.record({ atMs: fc.oneof(fc.integer({ min: 0, max: 60_000 }), fc.integer({ min: 0, max: 400_000 })) }),
  }),
  fc.record({
    kind: fc.constantFrom("operator-leaves", "operator-killed", "operator-crashed"),
    host: hostName,
    when: fc.record({ step: fc.constantFrom(...STEPS), afterMs: fc.integer({ min: 0, max: 5_000 }) }),
  }),
  fc.record({
    kind: fc.constant("second-operator"),
    when: fc.record({ atMs: fc.integer({ min: 0, max: 200_000 }) }),
    steals: fc.boolean(),
  }),
);

const anyHost = fc.record({
  role: fc.constantFrom("web" as const, "web" as const, "db" as const),
  isCanary: fc.boolean(),
  isUpToDate: fc.integer({ min: 0, max: 6 }).map((die) => die === 0),
  secrets: fc.constantFrom("none", "none", "same", "changed"),
  needsReboot: fc.boolean(),
});

export const courses: fc.Arbitrary<Course> = fc.record({
  seed: fc.integer({ min: 0, max: 0xffff }),
  // Of these the first is always a canary of the databases and the second a web host: no selection is empty.
  hosts: fc.array(anyHost, { minLength: 2, maxLength: MOST_HOSTS }),
  policy,
  limits: fc.record({
    parallel: fc.integer({ min: 1, max: 12 }),
    copy: fc.integer({ min: 1, max: 12 }),
    activate: fc.integer({ min: 1, max: 12 }),
  }),
  goal: fc.constantFrom("switch", "switch", "switch", "switch", "test", "boot", "secrets"),
  reboot: fc.constantFrom(undefined, undefined, "never", "if-needed", "always"),
  faults: fc.array(fault, { maxLength: 8 }),
  resume: fc.option(
    fc.record({
      afterMs: fc.oneof(fc.integer({ min: 0, max: 30_000 }), fc.integer({ min: 0, max: 900_000 })),
      wanted: fc.constantFrom("finish", "finish", "finish-begun", "revert"),
    }),
    { nil: undefined },
  ),
});

export interface Played {
  readonly course: Course;
  readonly hosts: readonly Host[];
  readonly fleet: SimulatedFleet;
  readonly rollout: SimulatedRollout;
  /** Of the faults those that hosts of this fleet have, each kind once. */
  readonly faults: readonly Fault[];
  /** Hosts that had at the beginning the system that they were to get. */
  readonly upToDate: ReadonlySet<string>;
  readonly secretsOf: ReadonlyMap<string, "none" | "same" | "changed">;
  readonly policy: ReturnType<typeof parseHive>["rollout"];
}

/** @returns undefined where the policy does not fit the fleet. */
export async function play(course: Course): Promise<Played | undefined> {
  const hive = readHive(course);
  if (hive === undefined) return undefined;
  const { seed, goal, limits, reboot, resume } = course;
  const wanted = course.faults.map((one) => {
    if (!("host" in one)) return one;
    const number = Number(one.host.slice("host-".length));
    return { ...one, host: `host-${((number - 1) % hive.hosts.length) + 1}` };
  });
  const faults = wanted.filter((one, index) => wanted.findIndex((other) => keyOf(one) === keyOf(other)) === index);
  const fleet = new SimulatedFleet(hive.hosts, { seed });
  const upToDate = new Set<string>(
    hive.hosts.flatMap(({ name }, index) => (course.hosts[index]?.isUpToDate === true ? [name] : [])),
  );
  const secretsOf = new Map<string, "none" | "same" | "changed">(
    hive.hosts.map(({ name }, index) => [name, course.hosts[index]?.secrets ?? "none"]),
  );
  const needReboot = new Set<string>(
    hive.hosts.flatMap(({ name }, index) => (course.hosts[index]?.needsReboot === true ? [name] : [])),
  );
  const deployed = fleet.deploy({
    ...{ release: "v2", goal, policy: hive.rollout, faults, reboot, resume },
    limits: { ...hive.limits, ...limits },
    isUpToDate: ({ name }) => upToDate.has(name),
    hasItsSecrets: ({ name }) => secretsOf.get(name) !== "changed",
    needsReboot: ({ name }) => needReboot.has(name),
  });
  const rollout = await deployed.catch((error: unknown) => {
    // The order is against the waves.
    if (error instanceof HiveError) return undefined;
    throw error;
  });
  if (rollout === undefined) return undefined;
  return { course, hosts: hive.hosts, fleet, rollout, faults, upToDate, secretsOf, policy: hive.rollout };
}

function keyOf(one: Fault): string {
  return `${one.kind} ${"host" in one ? one.host : ""}`;
}

function readHive({ hosts, policy: rollout }: Course): ReturnType<typeof parseHive> | undefined {
  const input = {
    name: "simulated",
    rollout,
    hosts: Object.fromEntries(
      hosts.map(({ role, isCanary, secrets = "none" }, index) => [
        `host-${index + 1}`,
        {
          tags: [index === 0 ? "db" : index === 1 ? "web" : role, ...(isCanary || index === 0 ? ["canary"] : [])],
          system: nixos({ flake: "github:simulated/fleet" }),
          secrets: secrets === "none" ? {} : { "app/token": {} },
          checks: [unit("service", { period: "2s", deadline: "20s", passes: 2 })],
        },
      ]),
    ),
  };
  try {
    return parseHive(input, { directory: "/hive" });
  } catch {
    return undefined;
  }
}
