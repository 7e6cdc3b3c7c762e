/** Runs on real SSH hosts in this process that together have every outcome, with what each of them left. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redacted } from "#core";
import type { Hive, HostInput } from "#hive";
import { command, parseHive, system } from "#hive";
import { createReporter, renderPastRun } from "#report";
import type { OutputFormat } from "#report";
import type { RolloutEvent, RolloutReport, SecretsSource } from "#rollout";
import { listRuns, rollOut, runsFolder } from "#rollout";
import { startSandbox, twinsOf } from "#sandbox";
import { policy, wave } from "../rollout/policy.ts";
import { captureStream } from "./streams.ts";

/** What the operator's secret says, and no output may. */
export const POISON = ["p0ison", "91ab", "in", "reports"].join("-");

export interface RealRun {
  readonly report: RolloutReport;
  readonly events: readonly RolloutEvent[];
  /** By name, everything that the run left for people and programs. */
  readonly outputs: Readonly<Record<string, string>>;
}

const NAMES = ["web-1", "web-2", "web-3", "db-1", "db-2", "edge-1", "edge-2"] as const;
type Name = (typeof NAMES)[number];

/** What host does what in the second release, beside `web-1`, which is well, and `web-2`, which stays what it is. */
interface Roles {
  /** Its check fails, and prints its secret. */
  readonly tells: Name;
  /** It cannot be reached. */
  readonly away: Name;
  /** Had nothing before, and its check fails. */
  readonly bare: Name;
  /** Its turn never comes. */
  readonly late: Name;
}

/** A first release that goes well, a second with every outcome that then goes back, and one with reboots. */
export async function playRealRuns(): Promise<readonly RealRun[]> {
  const folder = mkdtempSync(join(tmpdir(), "skep-real-runs-"));
  await using sandbox = await startSandbox({ hosts: NAMES });
  const roles: Roles = { tells: "web-3", away: "db-1", bare: "db-2", late: "edge-1" };
  const play = async (
    release: string,
    names: readonly Name[],
    more: { readonly reboot?: "always"; readonly isBroken?: boolean; readonly isDry?: boolean } = {},
  ): Promise<RealRun> => {
    const hive = hiveOf(folder, { release, names, roles: more.isBroken === true ? roles : undefined });
    const twins = await twinsOf(hive.hosts, sandbox);
    const hosts = twins.map((twin, index) => ({
      ...twin,
      // The operator's secrets stay the operator's.
      secrets: twin.secrets.map((use) => ({ ...use, open: "operator" as const })),
      target:
        more.isBroken === true && hive.hosts[index]?.name === roles.away ? { ...twin.target, port: 1 } : twin.target,
    }));
    return record(folder, (onEvent) => {
      const never = new AbortController().signal;
      return rollOut(hive, {
        ...{
          goal: more.isDry === true ? "dry-activate" : "switch",
          hosts,
          onEvent,
          stop: never,
          leave: never,
          journal: true,
        },
        ...{ secrets: SECRETS, policy: policyOf(names), reboot: more.reboot ?? "never" },
      });
    });
  };
  try {
    const first = NAMES.filter((name) => name !== roles.bare);
    return [
      await play("v1", first),
      await play("v2", first.slice(0, 2), { isDry: true }),
      await play(
        "v2",
        NAMES.filter((name) => name !== "edge-2"),
        { isBroken: true },
      ),
      await play("v3", ["edge-2"], { reboot: "always" }),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const SECRETS: SecretsSource = {
  read: (use) => {
    const plaintext = new Redacted<Uint8Array>(Buffer.from(`${use.name}=${POISON}\n`));
    return Promise.resolve({ open: "operator", version: "1", plaintext });
  },
};

function hiveOf(
  directory: string,
  {
    release,
    names,
    roles,
  }: { readonly release: string; readonly names: readonly Name[]; readonly roles: Roles | undefined },
): Hive {
  const hostOf = (name: Name): HostInput => {
    const isBroken = name === roles?.tells || name === roles?.bare;
    const stays = roles !== undefined && name === "web-2";
    const etc = { release: stays ? "v1" : `${release} of ${name}` };
    return {
      target: `root@${name}`,
      system: system({ etc: stays ? { release: "v1 of web-2" } : etc }),
      secrets: { token: { open: "operator" } },
      checks: isBroken ? [TELLING] : [],
    };
  };
  const hosts = Object.fromEntries(names.map((name) => [name, hostOf(name)]));
  return parseHive({ name: "apiary", hosts }, { directory });
}

/** A check that fails, and says what it should not. */
const TELLING = command(
  ["sh", "-c", 'printf "::error::%s\\n" "<script>" >&2; cat "$SKEP_ROOT/run/skep/secrets/token" >&2; exit 3'],
  { period: "100ms", deadline: "500ms" },
);

function policyOf(names: readonly Name[]): ReturnType<typeof policy> {
  const of = (prefix: string): string => names.filter((name) => name.startsWith(prefix)).join(", ");
  const waves = ["web", "db", "edge"].flatMap((prefix) =>
    of(prefix) === "" ? [] : [wave(prefix, { selection: of(prefix) })],
  );
  return policy({
    waves: waves.map((one, index) => ({
      ...one,
      maxFailures: { hosts: one.name === "web" ? 1 : 0 },
      gate: index === 0 ? undefined : { kind: "command", argv: ["true"], timeoutMs: 10_000 },
    })),
    maxFailures: { hosts: 2 },
    onFailure: "revert-run",
  });
}

/** One run with everything that is made of it, while it goes on and afterwards. */
async function record(
  folder: string,
  roll: (onEvent: (event: RolloutEvent) => void) => Promise<RolloutReport>,
): Promise<RealRun> {
  const events: RolloutEvent[] = [];
  const summary = join(folder, `summary-${Math.random()}.md`);
  const junit = join(folder, `junit-${Math.random()}.xml`);
  const formats = ["ndjson", "lines", "github", "gitlab", "tty"] as const satisfies readonly OutputFormat[];
  const outputs: Record<string, string> = {};
  const reporters = formats.map((format) => {
    const streams = {
      stdout: captureStream(),
      stderr: captureStream(format === "tty" ? { columns: 100, rows: 40 } : undefined),
    };
    const env = { GITHUB_STEP_SUMMARY: summary };
    const options = { format, env, colors: false, verbose: true, quiet: false };
    return {
      format,
      streams,
      reporter: createReporter({ ...options, ...streams, junit: format === "lines" ? junit : undefined }),
    };
  });
  const report = await roll((event) => {
    events.push(event);
    for (const { reporter } of reporters) reporter.handle(event);
  });
  for (const { format, streams, reporter } of reporters) {
    await reporter[Symbol.asyncDispose]();
    outputs[format] = streams.stdout.text + streams.stderr.text;
    if (format === "ndjson") outputs.events = streams.stdout.text;
  }
  outputs.summary = readFileSync(summary, "utf8");
  outputs.junit = readFileSync(junit, "utf8");
  const journals = await listRuns(runsFolder({ directory: folder }));
  const journal = journals.find(({ header }) => header.run === report.run);
  if (journal === undefined) throw new Error("the run left no journal");
  outputs.journal = readFileSync(journal.file, "utf8");
  for (const format of ["text", "html", "junit", "markdown"] as const) {
    outputs[`report --${format}`] = renderPastRun(journal, { format, colors: false, columns: 120 });
  }
  return { report, events, outputs };
}
