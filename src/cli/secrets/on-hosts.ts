import type { HostAccess } from "#activation";
import type { Hive, Host } from "#hive";
import type { Visit } from "#rollout";
import { visitHosts } from "#rollout";
import type { Repository } from "#secrets";
import { loadSelection } from "../options/hive-options.ts";
import { refuseOddParallel } from "../options/parallel.ts";
import { readSshOptions } from "../options/read-ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { loadRepositoryFor } from "./load-rules.ts";
import type { OnHostsArguments } from "./secrets-command.ts";

/** The hosts whose secrets a command is about. */
export interface Fleet {
  readonly hive: Hive;
  readonly hosts: readonly Host[];
  /** Read once, when somebody needs it: hosts without secrets need none. */
  readonly repository: () => Promise<Repository>;
}

/** Loads the hive and what the command line selects of it. */
export async function loadFleet(
  args: OnHostsArguments,
  terminal: Terminal,
  options: { readonly compareHostKeys?: boolean | undefined } = {},
): Promise<Fleet> {
  refuseOddParallel(args.parallel, { hint: "see skep secrets --help" });
  const { hive, hosts } = await loadSelection(args, terminal);
  let read: Promise<Repository> | undefined;
  return { hive, hosts, repository: () => (read ??= loadRepositoryFor(hive, args, terminal, options)) };
}

export interface VisitFleetOptions<T> {
  readonly args: OnHostsArguments;
  readonly signal: AbortSignal;
  readonly visit: (access: HostAccess, options: { readonly host: Host; readonly signal: AbortSignal }) => Promise<T>;
}

/** Logs in to hosts of a fleet, as many at a time as the command line or the hive says. In the order of the hosts. */
export function visitFleet<T>(
  { hive }: Pick<Fleet, "hive">,
  hosts: readonly Host[],
  { args, signal, visit }: VisitFleetOptions<T>,
): Promise<readonly Visit<T>[]> {
  return visitHosts(hosts, {
    ssh: readSshOptions(args),
    parallel: args.parallel ?? hive.limits.parallel,
    signal,
    visit,
  });
}
