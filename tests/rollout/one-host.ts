import { mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Hive } from "#hive";
import type { HostReport, ResumeRunOptions, RolloutEvent, RollOutOptions, RolloutReport, Step } from "#rollout";
import { resumeRun, rollOut } from "#rollout";
import type { SandboxHost } from "#sandbox";
import { startSandbox } from "#sandbox";
import { bootIdOf, defaultSystem, runningSystem } from "../sandbox/systems-of-host.ts";
import { readJournal } from "./killed-operator.ts";
import { operatorSecrets } from "./operator-secrets.ts";
import type { RebootWords } from "./reboot-hive.ts";
import { makeRebootHive } from "./reboot-hive.ts";

/** What its hive says, but for where the host is. */
export type Release = Omit<RebootWords, "directory" | "target">;

/** The sandbox host web-1, in a hive of its own that says of it what a test wants next. */
export interface OneHost extends AsyncDisposable {
  readonly machine: SandboxHost;
  /** The hive's. */
  readonly directory: string;
  /** What the newest run told. */
  readonly events: readonly RolloutEvent[];
  /** The name of the newest run. */
  run(): string;
  /** The steps that the newest run began, in order. */
  steps(): readonly string[];
  words(release: Release): RebootWords;
  hive(release: Release): Hive;
  /** By an operator who waits for its end, unless the options say otherwise. */
  deploy(release: Release, options?: Partial<RollOutOptions>): Promise<HostReport>;
  /** The same, by one who leaves when a step comes to this. */
  leaveWhen(happening: Happening, release: Release): Promise<HostReport>;
  /** Finishes what a killed operator left, unless the options say otherwise. */
  resume(release: Release, options?: Partial<ResumeRunOptions>): Promise<HostReport>;
  /** The store path of the system that it runs. */
  running(): string;
  /** That of the one that it boots. */
  boots(): string;
  bootId(): string;
  /** A path on it, as this machine calls it. */
  inside(path: string): string;
  /** Has a line of shell run before a system's switch-to-configuration; gives what undoes it. */
  beforeSwitch(system: string, line: string): () => void;
}

interface Happening {
  readonly type: "step-started" | "log";
  readonly step: Step;
}

export async function startOneHost(): Promise<OneHost> {
  const sandbox = await startSandbox({ hosts: ["web-1"] });
  const machine = sandbox.host("web-1");
  const directory = mkdtempSync(join(tmpdir(), "skep-one-host-"));
  const events: RolloutEvent[] = [];
  const words = (release: Release): RebootWords => ({ directory, target: machine.target, ...release });
  const hive = (release: Release): Hive => makeRebootHive(words(release));
  const inside = (path: string): string => join(machine.root, path);

  /** What every run is told, and keeps its events. */
  function listen<Options extends Partial<RollOutOptions>>({ onEvent, ...options }: Options) {
    const never = new AbortController().signal;
    events.length = 0;
    return {
      ...{ stop: never, leave: never, secrets: operatorSecrets },
      ...options,
      onEvent(event: RolloutEvent) {
        events.push(event);
        onEvent?.(event);
      },
    };
  }
  async function deploy(release: Release, options: Partial<RollOutOptions> = {}): Promise<HostReport> {
    const asked = hive(release);
    return theOnly(await rollOut(asked, { goal: "switch", hosts: asked.hosts, ...listen(options) }));
  }

  return {
    ...{ machine, directory, events, words, hive, deploy, inside },
    run: () => events.flatMap((event) => (event.type === "run-started" ? [event.run] : [])).join(),
    steps: () => events.flatMap((event) => (event.type === "step-started" ? [event.step] : [])),
    async leaveWhen({ type, step }, release) {
      const leave = new AbortController();
      const onEvent = (event: RolloutEvent): void => {
        if (event.type === type && event.step === step) leave.abort();
      };
      const report = await deploy(release, { leave: leave.signal, onEvent });
      if (!leave.signal.aborted) throw new Error(`the run told of no ${type} in ${step}: nobody left`);
      return report;
    },
    async resume(release, options = {}) {
      const journal = await readJournal(directory);
      return theOnly(await resumeRun(hive(release), journal, { wanted: "finish", verify: false, ...listen(options) }));
    },
    running: () => runningSystem(machine),
    boots: () => defaultSystem(machine),
    bootId: () => bootIdOf(machine),
    beforeSwitch(system, line) {
      const program = inside(`${system}/bin/switch-to-configuration`);
      const real = join(realpathSync(dirname(program)), "switch");
      renameSync(program, real);
      writeFileSync(program, `#!/bin/sh\n${line}\nexec "\${0%/*}/switch" "$@"\n`, { mode: 0o755 });
      return () => {
        renameSync(real, program);
      };
    },
    async [Symbol.asyncDispose]() {
      await sandbox[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

function theOnly({ hosts }: RolloutReport): HostReport {
  const [host] = hosts;
  if (host === undefined || hosts.length > 1) throw new Error(`the run reports of ${hosts.length} hosts`);
  return host;
}
