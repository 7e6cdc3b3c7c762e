import { readHostState } from "#activation";
import { jsonText, once, parseDuration } from "#core";
import type { Hive, Host } from "#hive";
import { createPaint, useColors } from "#report";
import type { WantedSystem } from "#rollout";
import { evaluateWanted, visitHosts } from "#rollout";
import type { Connection } from "#ssh";
import { CliError } from "../errors.ts";
import { loadSelection } from "../options/hive-options.ts";
import { refuseOddParallel } from "../options/parallel.ts";
import { readSshOptions } from "../options/read-ssh-options.ts";
import { printHostError } from "../secrets/print-host-error.ts";
import { repositorySecrets } from "../secrets/repository-secrets.ts";
import { wantedBy } from "../secrets/wanted-set.ts";
import { forPeople } from "../terminal/for-people.ts";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { untilUnread } from "../terminal/terminal.ts";
import type { Wanted } from "./host-status.ts";
import { judgeStatus } from "./host-status.ts";
import type { StatusArguments } from "./status-command.ts";
import { statusJson } from "./status-json.ts";
import type { SeenHost } from "./status-text.ts";
import { statusText, statusVerdict } from "./status-text.ts";
import { watchStatus } from "./status-watch.ts";

const SHORTEST_MS = 100;

/** Looks at the selected hosts and says how they stand. */
export async function status(args: StatusArguments, terminal: Terminal): Promise<number> {
  const everyMs = readEvery(args.every);
  refuseOddParallel(args.parallel, { hint: "see skep status --help" });
  const { hive, hosts } = await loadSelection(args, terminal);
  using interrupts = listenForInterrupts(() => undefined);
  const { stop: signal } = interrupts;
  const wanted = once(() => askHive(hive, { hosts, args, terminal, signal }));
  await using kept = keptConnections();
  const look = async (): Promise<readonly SeenHost[]> => {
    // The hosts are asked while the hive is evaluated.
    const asked = wanted();
    asked.catch(() => undefined);
    const visits = await visitHosts(hosts, {
      ssh: readSshOptions(args),
      parallel: args.parallel ?? hive.limits.parallel,
      signal,
      kept: args.watch ? kept.connections : undefined,
      visit: (access) => readHostState(access, { signal }),
    });
    const wants = await asked;
    return visits.map((visit) => {
      if ("error" in visit) return visit;
      const { host, result } = visit;
      return { host, result: judgeStatus(result, { host: host.name, wanted: wants.get(host) }) };
    });
  };
  if (args.watch) {
    const last = await watchStatus(look, {
      ...{ everyMs, json: args.json, evaluated: args.eval, terminal },
      signal: untilUnread(signal, terminal),
    });
    return exitCodeOf(last, args);
  }
  let seen: readonly SeenHost[];
  try {
    seen = await look();
  } catch (error) {
    if (isAborted(signal)) return 130;
    throw error;
  }
  if (isAborted(signal)) return 130;
  await show(seen, { args, terminal });
  return exitCodeOf(seen, args);
}

/** TypeScript takes a signal that was not aborted before an `await` for one that never is. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function show(
  seen: readonly SeenHost[],
  { args, terminal }: { readonly args: StatusArguments; readonly terminal: Terminal },
): Promise<void> {
  const { stdout, stderr, env } = terminal;
  if (args.json) {
    for (const one of seen) stdout.write(`${jsonText(statusJson(one))}\n`);
  } else {
    const { heading, blocks } = statusText(seen, {
      paint: createPaint(useColors(stdout, env)),
      columns: stdout.columns,
    });
    const people = forPeople(stdout, terminal);
    for (const line of [heading, ...blocks.flat()]) people.write(`${line}\n`);
    stderr.write(`skep: ${statusVerdict(seen, { evaluated: args.eval })}\n`);
  }
  for (const one of seen) {
    const errors = "error" in one ? [one.error] : one.result.problems;
    for (const error of errors) await printHostError(error, terminal);
  }
}

function exitCodeOf(seen: readonly SeenHost[], args: Pick<StatusArguments, "exit-code">): number {
  const hasDrifted = seen.some((one) => "result" in one && one.result.state === "drift");
  if (seen.some((one) => "error" in one) || (args["exit-code"] && hasDrifted)) return 5;
  return seen.some((one) => "result" in one && one.result.problems.length > 0) ? 3 : 0;
}

/** What the hive wants of each host; of none when it is not to be asked. */
async function askHive(
  hive: Hive,
  {
    hosts,
    args,
    terminal,
    signal,
  }: {
    readonly hosts: readonly Host[];
    readonly args: StatusArguments;
    readonly terminal: Terminal;
    readonly signal: AbortSignal;
  },
): Promise<ReadonlyMap<Host, Wanted>> {
  if (!args.eval) return new Map();
  using source = await repositorySecrets(hive, args, terminal);
  const [systems, secrets] = await Promise.all([
    evaluateWanted(hive, { hosts, signal }),
    Promise.all(hosts.map((host) => wantedBy(host, source))),
  ]);
  return new Map(
    hosts.flatMap((host, index) => {
      const [system, set] = [systems.get(host.name), secrets[index]] as const;
      return system === undefined || set === undefined ? [] : [[host, wantedOf(system, set)] as const];
    }),
  );
}

function wantedOf(system: WantedSystem, secrets: Wanted["secrets"]): Wanted {
  return { system, secrets };
}

function keptConnections(): AsyncDisposable & { readonly connections: Map<Host["name"], Connection> } {
  const connections = new Map<Host["name"], Connection>();
  return {
    connections,
    async [Symbol.asyncDispose]() {
      await Promise.all([...connections.values()].map((connection) => connection[Symbol.asyncDispose]()));
    },
  };
}

function readEvery(every: string): number {
  const everyMs = parseDuration(every);
  if (everyMs !== undefined && everyMs >= SHORTEST_MS) return everyMs;
  throw new CliError("cli/usage", `--every takes a duration from ${SHORTEST_MS}ms up, such as 5s`, {
    hint: "see skep status --help",
  });
}
