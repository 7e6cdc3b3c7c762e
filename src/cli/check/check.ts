import { jsonText, parseDuration } from "#core";
import type { Host } from "#hive";
import { CliError } from "../errors.ts";
import { loadSelection } from "../options/hive-options.ts";
import { refuseOddParallel } from "../options/parallel.ts";
import { readSshOptions } from "../options/read-ssh-options.ts";
import { printHostError } from "../secrets/print-host-error.ts";
import { forPeople } from "../terminal/for-people.ts";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { untilUnread } from "../terminal/terminal.ts";
import type { CheckArguments } from "./check-command.ts";
import type { CheckRounds, HostHealth } from "./check-rounds.ts";
import { isWell, openCheckRounds } from "./check-rounds.ts";
import { createCheckTable } from "./check-table.ts";
import { watchChecks } from "./check-watch.ts";

const SHORTEST_MS = 100;

/** Runs the checks of the selected hosts and says how they are. Exit code 5 when some fail, also of a watch that was ended. */
export async function checkHosts(args: CheckArguments, terminal: Terminal): Promise<number> {
  const { everyMs, parallel } = readArguments(args);
  const { hive, hosts } = await loadSelection(args, terminal);
  using interrupts = listenForInterrupts(() => undefined);
  await using rounds = openCheckRounds(hosts, {
    ssh: readSshOptions(args),
    parallel: parallel ?? hive.limits.parallel,
    retry: args.wait,
    keepConnections: args.watch,
    signal: interrupts.stop,
  });
  if (args.watch) {
    const signal = untilUnread(interrupts.stop, terminal);
    const last = await watchChecks(rounds, { hosts, everyMs, json: args.json, terminal, signal });
    return exitCodeOf(last);
  }
  const healths = await checkOnce(rounds, { hosts, json: args.json, terminal });
  return interrupts.stop.aborted ? 130 : exitCodeOf(healths);
}

async function checkOnce(
  rounds: CheckRounds,
  { hosts, json, terminal }: { readonly hosts: readonly Host[]; readonly json: boolean; readonly terminal: Terminal },
): Promise<readonly HostHealth[]> {
  const { stdout, env } = terminal;
  const { useColors } = await import("#report");
  const table = createCheckTable(hosts, { colors: useColors(stdout, env) });
  const people = forPeople(stdout, terminal);
  const healths = await rounds.next((health) => {
    if (json) stdout.write(`${jsonText(healthJson(health))}\n`);
    else for (const line of table.linesOf(health)) people.write(`${line}\n`);
  });
  for (const health of healths) if ("error" in health) await printHostError(health.error, terminal);
  return healths;
}

function healthJson(health: HostHealth): object {
  const host = health.host.name;
  if ("error" in health) return { host, well: false, error: health.error };
  const checks = health.results.map(({ check: { name, kind }, passed, attempts, lastSeen, details }) => {
    return { name, kind, passed, attempts, seen: lastSeen.at(-1), details };
  });
  return { host, well: isWell(health), checks };
}

function exitCodeOf(healths: readonly HostHealth[]): number {
  return healths.every(isWell) ? 0 : 5;
}

/** @throws CliError `cli/usage`. */
function readArguments({ every, parallel, wait, watch }: CheckArguments) {
  const hint = "see skep check --help";
  const everyMs = parseDuration(every);
  if (everyMs === undefined || everyMs < SHORTEST_MS) {
    throw new CliError("cli/usage", `--every takes a duration from ${SHORTEST_MS}ms up, such as 5s`, { hint });
  }
  refuseOddParallel(parallel, { hint });
  if (wait && watch) {
    throw new CliError("cli/usage", "--wait and --watch do not go together: a watch tries again anyway", { hint });
  }
  return { everyMs, parallel };
}
