import type { Hive, Host, RolloutPolicy } from "#hive";
import { selectHosts } from "#hive";
import { CliError } from "../errors.ts";

/**
 * Refuses waves of the command line of which none takes a host of this run: whoever names a canary expects one.
 * The waves of the hive are for all its hosts, and may well take none of a few.
 * @throws CliError `cli/usage`.
 */
export function refuseIdleWaves(
  given: readonly string[] | undefined,
  { waves, hosts, hive }: Pick<RolloutPolicy, "waves"> & { readonly hosts: readonly Host[]; readonly hive: Hive },
): void {
  if (given === undefined) return;
  const ofRun = new Set(hosts.map(({ name }) => name));
  // Behind the waves that were named there is always one of what they leave.
  const takes = waves
    .slice(0, given.length)
    .some(({ selection }) => selectHosts(hive, selection).some(({ name }) => ofRun.has(name)));
  if (takes) return;
  const what = given.length === 1 ? `--wave ${given[0] ?? ""} takes none` : "the waves given with --wave take none";
  throw new CliError("cli/usage", `${what} of the hosts of this run: they would all go at once`, {
    hint: "see with skep hosts what --on selects and which tags that has; leave --wave out, or add --wave rest to mean it",
  });
}
