import type { LeaseHolder } from "#activation";
import { readLease } from "#activation";
import { jsonText, quoteWord } from "#core";
import type { Host } from "#hive";
import { plainLine } from "#report";
import type { BrokenLease, Visit } from "#rollout";
import { breakLease, visitHosts } from "#rollout";
import { confirmAt } from "../deploy/confirm-wave.ts";
import { CliError } from "../errors.ts";
import { loadSelection } from "../options/hive-options.ts";
import { refuseOddParallel } from "../options/parallel.ts";
import { readSshOptions } from "../options/read-ssh-options.ts";
import { printHostError } from "../secrets/print-host-error.ts";
import { forPeople } from "../terminal/for-people.ts";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import { printError } from "../terminal/print-error.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { LeaseArguments, LeaseBreakArguments } from "./lease-command.ts";
import { refuseUnselected } from "./refuse-unselected.ts";
import { leaseJson } from "./status-json.ts";
import { leaseText } from "./status-text.ts";

const HINT = "see skep lease --help";

/** Says who holds the selected hosts. Exit code 5 when some could not be asked. */
export async function listLeases(args: LeaseArguments, terminal: Terminal): Promise<number> {
  const visiting = await prepare(args, terminal);
  using interrupts = listenForInterrupts(() => undefined);
  const visits = await look(visiting.hosts, { ...visiting, signal: interrupts.stop });
  if (interrupts.stop.aborted) return 130;
  for (const visit of visits) {
    if ("error" in visit) await printHostError(visit.error, terminal);
    if (args.json) terminal.stdout.write(`${jsonText(lookJson(visit))}\n`);
    else if ("result" in visit) {
      const text = visit.result === undefined ? "free" : leaseText(visit.result);
      forPeople(terminal.stdout, terminal).write(`${visiting.pad(visit.host)}  ${text}\n`);
    }
  }
  return visits.every((visit) => "result" in visit) ? 0 : 5;
}

/**
 * Sets the selected hosts free, once somebody agreed. Exit code 5 when some could not be, 7 when what the robbed run had
 * under way could not go back.
 */
export async function breakLeases(args: LeaseBreakArguments, terminal: Terminal): Promise<number> {
  refuseUnselected(args.on, { command: "lease break" });
  const visiting = await prepare(args, terminal);
  using interrupts = listenForInterrupts(() => undefined);
  const { stop: signal } = interrupts;
  const found = await look(visiting.hosts, { ...visiting, signal });
  if (signal.aborted) return 130;
  for (const visit of found) if ("error" in visit) await printHostError(visit.error, terminal);
  const runs = new Map(
    found.flatMap((visit) =>
      "result" in visit && visit.result !== undefined ? [[visit.host, visit.result.run] as const] : [],
    ),
  );
  const free = found.filter((visit) => "result" in visit && visit.result === undefined);
  for (const { host } of free) tell({ host, result: undefined }, { args, terminal, pad: visiting.pad });
  if (runs.size > 0 && !(await isAgreed(found, { args, terminal, pad: visiting.pad, signal }))) return 5;
  const visits = await visitHosts([...runs.keys()], {
    ...visiting,
    signal,
    visit: (access, { host }) => breakLease(access, { run: runs.get(host), signal }),
  });
  if (isAborted(signal)) return 130;
  let exitCode = found.every((visit) => "result" in visit) ? 0 : 5;
  for (const visit of visits) {
    tell(visit, { args, terminal, pad: visiting.pad });
    if ("error" in visit) {
      exitCode = Math.max(exitCode, 5);
      await printHostError(visit.error, terminal);
    } else if (visit.result?.agent?.state === "stranded") {
      exitCode = 7;
      await printError(stranded(visit.host, visit.result), terminal);
    }
  }
  return exitCode;
}

/** TypeScript takes a signal that was not aborted before an `await` for one that never is. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

interface Visiting {
  readonly hosts: readonly Host[];
  readonly ssh: ReturnType<typeof readSshOptions>;
  readonly parallel: number;
  readonly pad: (host: Host) => string;
}

async function prepare(args: LeaseArguments, terminal: Terminal): Promise<Visiting> {
  refuseOddParallel(args.parallel, { hint: HINT });
  const { hive, hosts } = await loadSelection(args, terminal);
  const width = Math.max(...hosts.map(({ name }) => name.length));
  return {
    ...{ hosts, ssh: readSshOptions(args), parallel: args.parallel ?? hive.limits.parallel },
    pad: ({ name }) => name.padEnd(width),
  };
}

function look(
  hosts: readonly Host[],
  { ssh, parallel, signal }: Visiting & { readonly signal: AbortSignal },
): Promise<readonly Visit<LeaseHolder | undefined>[]> {
  return visitHosts(hosts, { ssh, parallel, signal, visit: (access) => readLease(access, { signal }) });
}

function lookJson(visit: Visit<LeaseHolder | undefined>): object {
  const host = visit.host.name;
  if ("error" in visit) return { host, error: visit.error };
  return { host, lease: visit.result === undefined ? null : leaseJson(visit.result) };
}

interface TellOptions {
  readonly args: LeaseBreakArguments;
  readonly terminal: Terminal;
  readonly pad: (host: Host) => string;
}

/** @throws CliError `cli/usage` when there is nobody to ask. */
async function isAgreed(
  found: readonly Visit<LeaseHolder | undefined>[],
  { args, terminal, pad, signal }: TellOptions & { readonly signal: AbortSignal },
): Promise<boolean> {
  if (args.yes) return true;
  const ask = confirmAt(terminal);
  if (ask === undefined) {
    throw new CliError("cli/usage", "skep lease break asks at a terminal, and there is none", {
      hint: "--yes says that you mean it; skep lease ls shows who holds the hosts",
    });
  }
  for (const visit of found) {
    if ("result" in visit && visit.result !== undefined) {
      forPeople(terminal.stderr, terminal).write(`${pad(visit.host)}  ${leaseText(visit.result)}\n`);
    }
  }
  return ask("what these runs have under way goes back. take the hosts from them?", { signal });
}

/** What became of a host's lease, on standard output. */
function tell(visit: Visit<BrokenLease | undefined>, { args, terminal, pad }: TellOptions): void {
  if (args.json) terminal.stdout.write(`${jsonText(brokenJson(visit))}\n`);
  else if ("result" in visit) {
    forPeople(terminal.stdout, terminal).write(`${pad(visit.host)}  ${brokenText(visit.result)}\n`);
  }
}

function brokenText(broken: BrokenLease | undefined): string {
  if (broken === undefined) return "nobody holds it";
  const { holder, agent } = broken;
  const end =
    agent === undefined ? "it had nothing under way there" : `its agent ended ${agent.state.replace("-", " ")}`;
  const why = `run ${plainLine(holder.run)}, ${plainLine(holder.reason)}`;
  return `taken from ${plainLine(holder.owner)} (${why}): ${end}`;
}

function brokenJson(visit: Visit<BrokenLease | undefined>): object {
  const host = visit.host.name;
  if ("error" in visit) return { host, error: visit.error };
  if (visit.result === undefined) return { host, broken: null };
  const { holder, agent } = visit.result;
  return { host, broken: leaseJson(holder), agent: agent?.state ?? null };
}

function stranded({ name }: Host, { holder }: BrokenLease): CliError {
  return new CliError("cli/robbed-stranded", `what run ${holder.run} had under way could not go back`, {
    host: name,
    hint: `log in and see journalctl -u ${quoteWord(`skep-${holder.run}`)}`,
  });
}
