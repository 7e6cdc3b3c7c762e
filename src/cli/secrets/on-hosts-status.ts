import type { HostFacts } from "#activation";
import { probeHost, readSecrets } from "#activation";
import { jsonText } from "#core";
import { plainLine } from "#report";
import type { Visit } from "#rollout";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { HostStatus } from "./host-status.ts";
import { describeHost, judgeHost } from "./host-status.ts";
import { loadFleet, visitFleet } from "./on-hosts.ts";
import { printHostError } from "./print-host-error.ts";
import type { HostKeys } from "./retired.ts";
import { keysOfHost } from "./retired.ts";
import type { OnHostsArguments } from "./secrets-command.ts";
import { openSecretsSource } from "./secrets-source.ts";
import { wantedBy } from "./wanted-set.ts";

type HostsStatusArguments = OnHostsArguments & { readonly json: boolean };

interface VisitedHost {
  readonly facts: HostFacts;
  readonly status: HostStatus;
}

/** Logs in to hosts and prints how their secrets stand to the repository. Exit code 5 when some could not be read. */
export async function showStatusOnHosts(args: HostsStatusArguments, terminal: Terminal): Promise<number> {
  const fleet = await loadFleet(args, terminal);
  // What is wrong with the rules is told before anybody logs in.
  if (fleet.hosts.some(({ secrets }) => secrets.length > 0)) await fleet.repository();
  using source = openSecretsSource({ repository: fleet.repository, identities: () => Promise.resolve([]) });
  using interrupts = listenForInterrupts(() => undefined);
  const visits = await visitFleet<VisitedHost>(fleet, fleet.hosts, {
    args,
    signal: interrupts.stop,
    visit: async (access, { host, signal }) => {
      const facts = await probeHost(access, { signal });
      const kept = await readSecrets(access, { identityPaths: host.identityPaths, signal });
      const keys = host.secrets.length === 0 ? NO_KEYS : keysOfHost(await fleet.repository(), host.name);
      return { facts, status: judgeHost({ facts, kept, keys, wanted: await wantedBy(host, source) }) };
    },
  });
  if (interrupts.stop.aborted) return 130;
  await show(visits, { json: args.json, terminal });
  return visits.every((visit) => "result" in visit) ? 0 : 5;
}

const NO_KEYS: HostKeys = { current: [], retired: [] };

const STATE_WIDTH = "waiting".length;

async function show(
  visits: readonly Visit<VisitedHost>[],
  { json, terminal }: { readonly json: boolean; readonly terminal: Terminal },
): Promise<void> {
  const width = Math.max(...visits.map(({ host }) => host.name.length));
  for (const visit of visits) {
    const { name } = visit.host;
    if (json) {
      const told = "result" in visit ? visit.result.status : { error: visit.error };
      terminal.stdout.write(`${jsonText({ host: name, ...told })}\n`);
    } else if ("result" in visit) {
      const { facts, status } = visit.result;
      for (const [index, line] of describeHost(status, { host: name, facts }).entries()) {
        const [first, second] = index === 0 ? [name, status.state] : ["", ""];
        terminal.stdout.write(`${first.padEnd(width)}  ${second.padEnd(STATE_WIDTH)}  ${plainLine(line)}\n`);
      }
    }
    if ("error" in visit) await printHostError(visit.error, terminal);
  }
}
