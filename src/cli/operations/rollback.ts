import { jsonText, localTime } from "#core";
import type { Hive, Host } from "#hive";
import { plainLine } from "#report";
import type { ChosenReturn, Returns, ReturnWish } from "#rollout";
import { describeSystem, isUnfinished, planReturns, rollBack } from "#rollout";
import { confirmAt } from "../deploy/confirm-wave.ts";
import { CliError } from "../errors.ts";
import { exitCodeOfTold } from "../exit-codes.ts";
import { loadSelection } from "../options/hive-options.ts";
import { refuseOddParallel } from "../options/parallel.ts";
import { readSshOptions } from "../options/read-ssh-options.ts";
import { reporterFormat } from "../options/reporter-format.ts";
import { policyOf, readDuration } from "../options/rollout-options.ts";
import { printHostError } from "../secrets/print-host-error.ts";
import { forPeople } from "../terminal/for-people.ts";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import { openReporter } from "../terminal/open-reporter.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { refuseUnselected } from "./refuse-unselected.ts";
import { shortRevision } from "./revision.ts";
import type { RollbackArguments } from "./rollback-command.ts";

/** Takes the selected hosts back, shows it, and returns the exit code. */
export async function rollback(args: RollbackArguments, terminal: Terminal): Promise<number> {
  const wish = wishOf(args);
  const limits = limitsOf(args);
  const leaseTimeoutMs = readDuration("lease-timeout", args["lease-timeout"]);
  refuseUnselected(args.on, { command: "rollback" });
  const { hive, hosts } = await loadSelection(args, terminal);
  const policy = policyOf(hive, args, terminal);
  const { stderr } = terminal;
  await using reporter = openReporter(terminal, { ...args, format: reporterFormat(args, policy) });
  using interrupts = listenForInterrupts(({ leave }) => {
    if (isBegun) reporter.handle({ at: Date.now(), type: "interrupted", leave });
  });
  let isBegun = false;
  const ssh = readSshOptions(args);
  const parallel = args.parallel ?? hive.limits.parallel;
  const returns = await planReturns(hosts, { wish, ssh, parallel, signal: interrupts.stop });
  if (interrupts.stop.aborted) return 130;
  // Of hosts that cannot go back there is nothing to run, and nothing to resume.
  const isIdle = [...returns.values()].every((chosen) => "error" in chosen);
  if (args["dry-run"] || isIdle) return await showReturns(returns, { json: args.json, terminal });
  if (!args.quiet) announce(hive, { returns, terminal });
  isBegun = true;
  const report = await rollBack(hive, {
    ...{ hosts, returns, limits, policy, ssh },
    journal: true,
    confirm: confirmAt(terminal),
    stealLease: args["steal-lease"],
    leaseTimeoutMs,
    reboot: args.reboot,
    onEvent: (event) => {
      reporter.handle(event);
    },
    stop: interrupts.stop,
    leave: interrupts.leave,
  });
  const unwritten = await reporter.finish();
  if (isUnfinished(report)) stderr.write(`skep: hint: skep resume ${report.run} goes on with this run\n`);
  return exitCodeOfTold(report, { unwritten });
}

/** @throws CliError `cli/usage`. */
function wishOf({ to, run }: RollbackArguments): ReturnWish {
  const hint = "see skep rollback --help";
  if (to !== undefined && run !== undefined) {
    throw new CliError("cli/usage", "--to and --run both say where to go back to: give one of them", { hint });
  }
  if (to === undefined) return run === undefined ? "earlier" : { run };
  if (Number.isInteger(to) && to >= 1) return { generation: to };
  throw new CliError("cli/usage", "--to takes the number of a generation", { hint });
}

function limitsOf({ parallel, "limit-activate": activate }: RollbackArguments): {
  parallel?: number;
  activate?: number;
} {
  refuseOddParallel(parallel, { hint: "see skep rollback --help" });
  if (activate !== undefined && (!Number.isInteger(activate) || activate < 1)) {
    throw new CliError("cli/usage", "--limit-activate takes a whole number from 1 up", {
      hint: "see skep rollback --help",
    });
  }
  return { ...(parallel === undefined ? {} : { parallel }), ...(activate === undefined ? {} : { activate }) };
}

function announce(
  { hosts }: Hive,
  { returns, terminal }: { readonly returns: Returns; readonly terminal: Terminal },
): void {
  for (const { name } of hosts) {
    const chosen = returns.get(name);
    if (chosen === undefined || "error" in chosen) continue;
    forPeople(terminal.stderr, terminal).write(`skep: notice: ${name} goes back from ${describeReturn(chosen)}\n`);
  }
}

/** `0c4x2ab web-1-v3 to 9d8s7fa web-1-v2 (generation 2, deployed 2026-01-31 14:25:01 by ann@laptop at 0123456789ab)`. */
function describeReturn({ back, generation, record }: ChosenReturn): string {
  const from = back.from === null ? "nothing of ours" : describeSystem(back.from);
  const revision = back.hive === undefined ? "" : shortRevision(back.hive);
  const known =
    record === undefined
      ? ""
      : `, deployed ${localTime(Date.parse(record.at))} by ${plainLine(record.who)}${revision === "" ? "" : ` at ${revision}`}`;
  return `${from} to ${describeSystem(back.toplevel)} (generation ${generation}${known})`;
}

async function showReturns(
  returns: Returns,
  { json, terminal }: { readonly json: boolean; readonly terminal: Terminal },
): Promise<number> {
  const names: readonly Host["name"][] = [...returns.keys()];
  const width = Math.max(...names.map(({ length }) => length));
  let exitCode = 0;
  for (const [host, chosen] of returns) {
    if (json) {
      terminal.stdout.write(`${jsonText(returnJson(host, chosen))}\n`);
    } else if ("back" in chosen) {
      const from = chosen.back.from === chosen.back.toplevel ? "stays: it runs " : "";
      forPeople(terminal.stdout, terminal).write(`${host.padEnd(width)}  ${from}${describeReturn(chosen)}\n`);
    }
    if (!("error" in chosen)) continue;
    exitCode = 5;
    await printHostError(chosen.error, terminal);
  }
  return exitCode;
}

function returnJson(host: string, chosen: ChosenReturn | { readonly error: object }): object {
  if ("error" in chosen) return { host, error: chosen.error };
  const { back, generation, record } = chosen;
  return {
    ...{ host, from: back.from, to: back.toplevel, generation, secretSet: back.secretSet },
    ...{ run: record?.run ?? null, who: record?.who ?? null, at: record?.at ?? null },
    ...{ revision: back.hive?.revision ?? null },
  };
}
