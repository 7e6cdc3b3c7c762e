import type { SkepErrorJson } from "#core";
import { formatBytes, jsonText } from "#core";
import { plainLine, plainLines } from "#report";
import type { Visit } from "#rollout";
import { visitHosts } from "#rollout";
import type { GarbagePlan, StoreProblem } from "#store";
import { collectGarbage, verifyStore } from "#store";
import { CliError } from "../errors.ts";
import { loadSelection } from "../options/hive-options.ts";
import { readSshOptions } from "../options/read-ssh-options.ts";
import { forPeople } from "../terminal/for-people.ts";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { GcArguments, StoreArguments } from "./store-command.ts";

/** Collects garbage on the selected hosts and says what went. Exit code 5 when it failed on some. */
export function collectGarbageOn(args: GcArguments, terminal: Terminal): Promise<number> {
  const { keep, "dry-run": dryRun } = args;
  if (!Number.isInteger(keep) || keep < 1) {
    throw new CliError("cli/usage", `--keep takes a whole number from 1 up`, {
      hint: "see skep gc --help",
    });
  }
  return onEachHost<GarbagePlan>(args, terminal, {
    visit: ({ runner, root }, signal) => collectGarbage(runner, { root, keep, dryRun, signal }),
    lines: ({ generations, paths, bytes }) => [
      `${dryRun ? "would remove" : "removed"} ${count(generations, "generation")}, ${count(paths, "path")}, ${formatBytes(bytes)}`,
    ],
    isWell: () => true,
  });
}

/** Verifies the stores of the selected hosts. Exit code 5 when something is wrong on some. */
export function verifyStoresOn(args: StoreArguments, terminal: Terminal): Promise<number> {
  return onEachHost<readonly StoreProblem[]>(args, terminal, {
    visit: ({ runner, root }, signal) => verifyStore(runner, { root, signal }),
    lines: (problems) => (problems.length === 0 ? ["every path is as it was added"] : problems.map(describeProblem)),
    isWell: (problems) => problems.length === 0,
  });
}

interface HostTask<T> {
  readonly visit: (
    access: Parameters<Parameters<typeof visitHosts<T>>[1]["visit"]>[0],
    signal: AbortSignal,
  ) => Promise<T>;
  /** What to say of a host, a line each. */
  readonly lines: (result: T) => readonly string[];
  readonly isWell: (result: T) => boolean;
}

async function onEachHost<T>(args: StoreArguments, terminal: Terminal, task: HostTask<T>): Promise<number> {
  const { stdout, stderr } = terminal;
  const { hive, hosts } = await loadSelection(args, terminal);
  using interrupts = listenForInterrupts(() => undefined);
  const width = Math.max(...hosts.map(({ name }) => name.length));
  const people = forPeople(stdout, terminal);
  const show = (visit: Visit<T>): void => {
    const { name } = visit.host;
    if (args.json) {
      const { host: _host, ...rest } = visit;
      stdout.write(`${jsonText({ host: name, ...rest })}\n`);
    } else if ("result" in visit) {
      for (const line of task.lines(visit.result)) people.write(`${name.padEnd(width)}  ${plainLine(line)}\n`);
    }
    if ("error" in visit) stderr.write(describeError(visit.error));
  };
  const visits = await visitHosts(hosts, {
    ssh: readSshOptions(args),
    parallel: hive.limits.parallel,
    signal: interrupts.stop,
    visit: (access, { signal }) => task.visit(access, signal),
    onVisit: show,
  });
  if (interrupts.stop.aborted) return 130;
  return visits.every((visit) => "result" in visit && task.isWell(visit.result)) ? 0 : 5;
}

function describeProblem(problem: StoreProblem): string {
  switch (problem.kind) {
    case "missing":
      return `${problem.path} is missing`;
    case "unregistered":
      return `${problem.path} is there and nobody knows what it is`;
    case "dangling":
      return `${problem.path} refers to ${problem.reference}, which is not there`;
    case "changed":
      return `${problem.path} was changed`;
    case "mode":
      return `${problem.path} has ${problem.file} with mode ${problem.mode}`;
  }
}

function describeError({ host, message, code, hint }: SkepErrorJson): string {
  const told = `skep: error: ${host ?? ""}: ${plainLines(message).join("\n")} [${code}]\n`;
  return told + (hint === undefined ? "" : `skep: hint: ${plainLine(hint)}\n`);
}

function count(items: readonly unknown[], word: string): string {
  return `${items.length} ${word}${items.length === 1 ? "" : "s"}`;
}
