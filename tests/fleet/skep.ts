import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { HiveInput } from "#hive";
import type { HostReport, Outcome, RolloutEvent, RolloutReport, Step } from "#rollout";
import type { Fleet } from "./harness/index.ts";

const MAIN = join(dirname(dirname(import.meta.dirname)), "dist/cli/main.js");
const TIMEOUT_MS = 240_000;

/** How one run of the real `skep` ended. */
export interface SkepRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The events on standard output, for runs with `--json`. */
  readonly events: readonly RolloutEvent[];
  /** @throws when the run gave none. */
  readonly report: RolloutReport;
  /** @throws when the run has no such host. */
  host(name: string): HostReport;
  /** Each host's outcome, by name. */
  readonly outcomes: Readonly<Record<string, Outcome>>;
}

/** A `skep` under way. */
export interface RunningSkep {
  readonly child: ChildProcess;
  readonly ended: Promise<SkepRun>;
  /** Waits until a host has begun a step. */
  began(host: string, step: Step): Promise<void>;
}

/** Writes a hive file into a folder of its own and returns that folder. Checks may be given as http(), tcp() … make them. */
export async function writeHive(folder: string, hive: HiveInput): Promise<string> {
  await mkdir(folder, { recursive: true });
  const text = `import { defineHive } from "skep";\n\nexport default defineHive(${JSON.stringify(hive, null, 2)});\n`;
  await writeFile(join(folder, "hive.ts"), text);
  return folder;
}

/** Runs the built `skep` with the fleet's keys, hosts and Nix, to its end. */
export function skep(fleet: Fleet, argv: readonly string[], options: SkepOptions = {}): Promise<SkepRun> {
  return startSkep(fleet, argv, options).ended;
}

export interface SkepOptions {
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export function startSkep(fleet: Fleet, argv: readonly string[], { cwd, env }: SkepOptions = {}): RunningSkep {
  const reaches =
    ["deploy", "build"].includes(argv[0] ?? "") || argv.some((word) => ["--on", "--on-host"].includes(word));
  const reach = reaches && !argv.includes("--ssh-config") ? ["--ssh-config", fleet.client.configFile] : [];
  const child = spawn(process.execPath, [MAIN, ...argv, ...reach], {
    cwd: cwd ?? fleet.folder,
    env: { ...fleet.environment, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = once(child, "close").then(([exitCode]) => makeRun(exitCode as number | null, stdout, stderr));
  return {
    child,
    ended,
    async began(host, step) {
      const isThere = (): boolean =>
        parseEvents(stdout).some(
          (event) => event.type === "step-started" && event.host === host && event.step === step,
        );
      while (!isThere()) {
        if (child.exitCode !== null) throw new Error(`skep ended before ${host} began ${step}\n${stderr}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

function makeRun(exitCode: number | null, stdout: string, stderr: string): SkepRun {
  const events = parseEvents(stdout);
  const finished = events.find((event) => event.type === "run-finished");
  const report = (): RolloutReport => {
    if (finished === undefined) throw new Error(`skep gave no report; it ended with ${String(exitCode)}:\n${stderr}`);
    return finished.report;
  };
  const host = (name: string): HostReport => {
    const found = report().hosts.find((candidate) => candidate.host === name);
    if (found === undefined) throw new Error(`the run has no host ${name}`);
    return found;
  };
  return {
    exitCode,
    stdout,
    stderr,
    events,
    host,
    get report() {
      return report();
    },
    get outcomes() {
      return Object.fromEntries(report().hosts.map((one) => [one.host, one.outcome]));
    },
  };
}

function parseEvents(stdout: string): RolloutEvent[] {
  const lines = stdout.slice(0, stdout.lastIndexOf("\n") + 1).split("\n");
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as RolloutEvent);
}
