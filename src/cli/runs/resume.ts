import { localTime } from "#core";
import type { Hive } from "#hive";
import type { JournalRead, ResumeRunOptions, RolloutReport, SecretsSource } from "#rollout";
import { listRuns, resumeRun, runsFolder } from "#rollout";
import { confirmAt } from "../deploy/confirm-wave.ts";
import { exitCodeOfTold } from "../exit-codes.ts";
import { loadHive } from "../hive/load-hive.ts";
import { refuseOddParallel } from "../options/parallel.ts";
import { readSshOptions } from "../options/read-ssh-options.ts";
import { reporterFormat } from "../options/reporter-format.ts";
import { readDuration } from "../options/rollout-options.ts";
import { repositorySecrets } from "../secrets/repository-secrets.ts";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import { openReporter } from "../terminal/open-reporter.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { findUnfinishedRun } from "./find-run.ts";
import type { ResumeArguments } from "./runs-command.ts";

/** Goes on with a run, shows it, and returns the exit code. */
export async function resume(
  args: ResumeArguments & { readonly run?: string | undefined },
  terminal: Terminal,
): Promise<number> {
  const { stderr, env, cwd } = terminal;
  const { parallel, revert } = args;
  refuseOddParallel(parallel, { hint: "see skep resume --help" });
  const leaseTimeoutMs = readDuration("lease-timeout", args["lease-timeout"]);
  const hive = await loadHive({ file: args.hive, cwd, env });
  const runs = await listRuns(runsFolder(hive));
  const journal = findUnfinishedRun(args.run, { runs, hive: hive.name, revert });
  if (!args.quiet) stderr.write(`skep: notice: ${announce(journal, { revert })}\n`);
  await using reporter = openReporter(terminal, { ...args, format: reporterFormat(args, journal.header.policy) });
  using interrupts = listenForInterrupts(({ leave }) => {
    reporter.handle({ at: Date.now(), type: "interrupted", leave });
  });
  using secrets = await openSecrets(hive, { args, terminal, journal });
  const report = await resumeRun(hive, journal, {
    wanted: wantedOf(args),
    verify: args.verify,
    secrets,
    limits: parallel === undefined ? {} : { parallel },
    ssh: readSshOptions(args),
    stealLease: args["steal-lease"],
    leaseTimeoutMs,
    confirm: confirmAt(terminal),
    onEvent: (event) => {
      reporter.handle(event);
    },
    stop: interrupts.stop,
    leave: interrupts.leave,
  });
  return exitCodeOf(report, await reporter.finish());
}

function wantedOf({ revert, new: startNew }: ResumeArguments): ResumeRunOptions["wanted"] {
  if (revert) return "revert";
  return startNew ? "finish" : "finish-begun";
}

function announce({ header, hosts }: JournalRead, { revert }: { readonly revert: boolean }): string {
  const { run, goal, operator, startedAt, rollback } = header;
  const count = hosts.length === 1 ? "1 host" : `${hosts.length} hosts`;
  const since = localTime(startedAt);
  return `${revert ? "taking back" : "resuming"} run ${run}: ${rollback === true ? "rollback" : goal} of ${count}, begun ${since} by ${operator}`;
}

/** A hive that changed since is the user's to see to, when nothing else went wrong. */
function exitCodeOf(report: RolloutReport, unwritten: readonly string[]): number {
  const isRefused = (host: RolloutReport["hosts"][number]): boolean =>
    "error" in host && host.outcome === "failed" && host.error.code === "rollout/hive-changed";
  const others = exitCodeOfTold({ ...report, hosts: report.hosts.filter((host) => !isRefused(host)) }, { unwritten });
  return others <= 1 && report.hosts.some(isRefused) ? 2 : others;
}

async function openSecrets(
  hive: Hive,
  {
    args,
    terminal,
    journal,
  }: { readonly args: ResumeArguments; readonly terminal: Terminal; readonly journal: JournalRead },
): Promise<(SecretsSource & Disposable) | undefined> {
  const names = new Set(journal.hosts.map(({ name }) => name));
  if (!hive.hosts.some((host) => names.has(host.name) && host.secrets.length > 0)) return undefined;
  return repositorySecrets(hive, args, terminal);
}
