/** The agent's script on a host that is a folder, and its twin on a simulated one, are led through the same courses. */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AgentOrder, HostAccess } from "#activation";
import { acquireLease, decideAgent, FINAL_STATES, followAgent, probeHost, releaseLease, startAgent } from "#activation";
import type { HostName } from "#hive";
import type { StorePath } from "#store";
import { parseStorePath } from "#store";
import type { SystemFault } from "#simulation";
import { createRandom, createVirtualClock } from "#simulation";
import { SimulatedConnection } from "../../src/simulation/host/simulated-connection.ts";
import { SimulatedHost } from "../../src/simulation/host/simulated-host.ts";
import { localRunner } from "../local-runner.ts";

/** More where there is time, and others: SKEP_COURSES=60 SKEP_SEED=7. */
const COURSES = Number(process.env.SKEP_COURSES ?? 12);
const SEED = Number(process.env.SKEP_SEED ?? 1);

const system = (number: number): StorePath =>
  parseStorePath(`/nix/store/${String(number).repeat(32)}-system-v${number}`);
const [FIRST, ...OTHERS] = [1, 2, 3].map(system) as [StorePath, ...StorePath[]];

/** What goes wrong with the new system, or with the way back. */
type Flaw = "none" | "fails" | "some-units" | "only-by-reboot" | "hangs" | "boot-fails" | "cannot-go-back";

/** One deployment, and what happens to it. */
interface Round {
  readonly goal: "switch" | "test" | "boot";
  readonly system: StorePath;
  readonly flaw: Flaw;
  readonly mayReboot: boolean;
  readonly act: "confirm" | "refuse" | "steal" | "expire" | "kill" | "kill-while-testing";
  readonly thenReboots: boolean;
}

const rounds: fc.Arbitrary<readonly Round[]> = fc.array(
  fc.record({
    goal: fc.constantFrom("switch", "switch", "test", "boot"),
    system: fc.constantFrom(...OTHERS),
    flaw: fc.constantFrom(
      ...(["none", "none", "none", "fails", "some-units", "only-by-reboot", "hangs"] as const),
      ...(["boot-fails", "boot-fails", "cannot-go-back"] as const),
    ),
    mayReboot: fc.boolean(),
    act: fc.constantFrom("confirm", "confirm", "refuse", "steal", "expire", "kill", "kill-while-testing"),
    thenReboots: fc.boolean(),
  }),
  { minLength: 1, maxLength: 3 },
);

/** A host that a course is played on. */
interface Stage {
  readonly access: HostAccess;
  prepare(round: Round): Promise<void>;
  /** Kills the agent's process, as the kernel does when memory is short. */
  kill(run: string): Promise<void>;
  reboot(): Promise<void>;
  boots(): Promise<string>;
}

/** Plays a course. @returns what was seen after each round. */
async function play(course: readonly Round[], stage: Stage): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  for (const [index, round] of course.entries()) seen.push(await playRound(round, { stage, run: `run-${index + 1}` }));
  return seen;
}

async function playRound(
  round: Round,
  { stage, run }: { readonly stage: Stage; readonly run: string },
): Promise<unknown> {
  const { access } = stage;
  await stage.prepare(round);
  await acquireLease(access, { run, owner: "you@here", reason: "a test", ttlMs: 60_000, steal: true });
  const before = await probeHost(access);
  await startAgent(access, orderOf(round, { run, previous: before.running }));
  const follow = (until: Parameters<typeof followAgent>[1]["until"]): ReturnType<typeof followAgent> =>
    followAgent(access, { run, until, timeoutMs: 40_000 });
  if (round.act === "kill-while-testing" && round.flaw === "hangs" && round.goal !== "boot") {
    await untilRuns(round.system, stage);
    await stage.kill(run);
  }
  const tried = await follow(["waiting", ...FINAL_STATES]);
  if (tried?.state === "waiting") await act(round, { stage, run });
  const status = await follow(FINAL_STATES);
  const facts = await probeHost(access);
  const verdict = await decideAgent(access, { run, verdict: "refused" });
  const holder = await acquireLease(access, {
    run: "somebody",
    owner: "ada@there",
    reason: "a look",
    ttlMs: 1_000,
  }).then(
    ({ takenFrom }) => takenFrom?.run ?? "nobody",
    () => run,
  );
  await releaseLease(access, { run: "somebody" });
  const found = { ...status, verdict, holder, running: facts.running, profile: facts.profile.system };
  const all = {
    ...found,
    generation: facts.profile.generation,
    cut: facts.cutCommit?.system,
    boots: await stage.boots(),
  };
  if (round.thenReboots) await stage.reboot();
  return { ...all, afterBoot: (await probeHost(stage.access)).running };
}

async function act(
  { act: what }: Round,
  { stage, run }: { readonly stage: Stage; readonly run: string },
): Promise<void> {
  const { access } = stage;
  switch (what) {
    case "confirm":
      await decideAgent(access, { run, verdict: "confirmed" });
      return;
    case "refuse":
      await decideAgent(access, { run, verdict: "refused" });
      return;
    case "steal":
      await decideAgent(access, { run, verdict: "stolen" });
      return;
    case "kill":
      await stage.kill(run);
      return;
    case "expire":
    case "kill-while-testing":
      return;
  }
}

async function untilRuns(wanted: StorePath, { access }: Stage): Promise<void> {
  for (;;) if ((await probeHost(access)).running === wanted) return;
}

function orderOf(
  { goal, system: toplevel, mayReboot, flaw, act: what }: Round,
  { run, previous }: { readonly run: string; readonly previous: StorePath | undefined },
): AgentOrder {
  // Only what is to run out is short: this machine may be slow.
  const timeouts = {
    switchTimeoutMs: flaw === "hangs" ? 3_000 : 20_000,
    confirmTimeoutMs: what === "expire" || what === "kill-while-testing" ? 2_000 : 20_000,
  };
  return {
    ...{ run, goal, toplevel, previous, mayReboot, nixos: false, systemd: false, store: "posix", secrets: undefined },
    ...{ profile: "/nix/var/nix/profiles/skep", ...timeouts },
    record: {
      ...{ version: 1, run, host: "web-1" as HostName, goal, who: "you@here", at: "2026-01-01T00:00:00.000Z" },
      ...{ from: previous ?? null, to: toplevel, generation: null },
      hive: { name: "test", revision: null, dirty: false },
    },
  };
}

/** The real script. */
async function openFolder(): Promise<Stage & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), "skep-twin-"));
  const profiles = join(root, "nix/var/nix/profiles");
  await Promise.all([profiles, join(root, "run"), join(root, "flaws")].map((path) => mkdir(path, { recursive: true })));
  for (const path of [FIRST, ...OTHERS]) {
    await mkdir(join(root, path, "bin"), { recursive: true });
    await writeFile(join(root, path, "bin/switch-to-configuration"), SWITCH.replace("@self@", path), { mode: 0o755 });
  }
  await symlink(FIRST, join(profiles, "skep-1-link"));
  await symlink("skep-1-link", join(profiles, "skep"));
  await symlink(FIRST, join(root, "run/current-system"));
  await symlink(FIRST, join(root, "boots"));
  const pidOf = async (run: string): Promise<string> =>
    (await readFile(join(root, "run/skep/runs", run, "pid"), "utf8")).trim();
  return {
    access: { runner: localRunner, root },
    async prepare({ flaw, system: path }) {
      await rm(join(root, "flaws"), { recursive: true, force: true });
      await mkdir(join(root, "flaws"));
      const name = path.slice("/nix/store/".length);
      const flaws: Readonly<Record<Exclude<Flaw, "none" | "cannot-go-back">, readonly [file: string, exit: string]>> = {
        fails: [`${name}-test`, "1"],
        "some-units": [`${name}-test`, "4"],
        "only-by-reboot": [`${name}-test`, "100"],
        hangs: [`${name}-test`, "hang"],
        "boot-fails": [`${name}-boot`, "1"],
      };
      if (flaw === "none") return;
      if (flaw === "cannot-go-back") {
        for (const other of [FIRST, ...OTHERS]) {
          if (other !== path)
            await writeFile(join(root, "flaws", `${other.slice("/nix/store/".length)}-test`), "refuse");
        }
        return;
      }
      await writeFile(join(root, "flaws", flaws[flaw][0]), flaws[flaw][1]);
    },
    async kill(run) {
      const children = execFileSync("ps", ["-o", "pid=", "--ppid", await pidOf(run)], { encoding: "utf8" });
      for (const pid of children.trim().split(/\s+/)) process.kill(Number(pid), "SIGKILL");
    },
    async reboot() {
      await rm(join(root, "run"), { recursive: true, force: true });
      await mkdir(join(root, "run"));
      await symlink(await readlink(join(root, "boots")), join(root, "run/current-system"));
    },
    boots: () => readlink(join(root, "boots")),
    async [Symbol.asyncDispose]() {
      await rm(root, { recursive: true, force: true });
    },
  };
}

const SWITCH = `#!/bin/sh
root=$SKEP_ROOT self=@self@
flaw=$(cat "$root/flaws/\${self##*/}-$1" 2>/dev/null)
[ "$flaw" != refuse ] || exit 1
if [ "$1" = test ]; then ln -sfn "$self" "$root/run/current-system"; fi
if [ "$flaw" = hang ]; then exec sleep 30; fi
if [ "$1" = boot ] && [ -z "$flaw" ]; then ln -sfn "$self" "$root/boots"; fi
exit "\${flaw:-0}"
`;

/** The twin. */
function openSimulated(clock: ReturnType<typeof createVirtualClock>): Stage {
  const pace = { roundTripMs: 2, loginMs: 5, switchMs: 300, bootLoaderMs: 100, rebootMs: 10, bytesPerSecond: 1e6 };
  const host = new SimulatedHost({
    ...{ name: "web-1", nixos: false, system: FIRST, pace, clock, random: createRandom(1) },
  });
  for (const path of OTHERS) host.store.add(path);
  const address = { host: "192.0.2.1", port: 22, user: "root" };
  let connection = new SimulatedConnection(host, address);
  return {
    get access() {
      return { runner: connection, root: "" };
    },
    prepare({ flaw, system: path }) {
      host.wanted = path;
      const faults: Readonly<Record<Flaw, readonly SystemFault[]>> = {
        none: [],
        fails: [{ host: "web-1", kind: "switch-fails", exitCode: 1 }],
        "some-units": [{ host: "web-1", kind: "switch-fails", exitCode: 4 }],
        "only-by-reboot": [{ host: "web-1", kind: "switch-fails", exitCode: 100 }],
        hangs: [{ host: "web-1", kind: "switch-hangs" }],
        "boot-fails": [{ host: "web-1", kind: "boot-fails" }],
        "cannot-go-back": [{ host: "web-1", kind: "cannot-go-back" }],
      };
      host.faults = faults[flaw];
      return Promise.resolve();
    },
    kill(run) {
      host.runs.get(run)?.kill?.();
      return Promise.resolve();
    },
    async reboot() {
      host.reboot();
      await clock.sleep(pace.rebootMs + 1);
      connection = new SimulatedConnection(host, address);
    },
    boots: () => Promise.resolve(host.boots ?? ""),
  };
}

describe("the twin of the agent", () => {
  it("does what the script does", { timeout: 60_000 + COURSES * 10_000 }, async () => {
    const courses = fc.sample(rounds, { numRuns: COURSES, seed: SEED });
    await Promise.all(
      courses.map(async (course) => {
        const clock = createVirtualClock(0);
        const simulated = await clock.runUntil(play(course, openSimulated(clock)));
        await using folder = await openFolder();
        expect(simulated, JSON.stringify(course)).toEqual(await play(course, folder));
      }),
    );
  });
});
