import type { HostSecret } from "#activation";
import { makeSecretSet, probeHost, trySecrets } from "#activation";
import type { SkepErrorJson } from "#core";
import { SkepError } from "#core";
import type { Host } from "#hive";
import type { SecretsSource } from "#rollout";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { loadIdentities } from "./load-identities.ts";
import type { Fleet } from "./on-hosts.ts";
import { visitFleet } from "./on-hosts.ts";
import type { CheckArguments } from "./secrets-command.ts";
import { openSecretsSource } from "./secrets-source.ts";

/** What keeps a host from having its secrets. */
export interface HostFinding {
  readonly level: "error";
  readonly host: string;
  /** The secret it is about; left out when it is about the host. */
  readonly name?: string | undefined;
  readonly what: string;
  readonly hint?: string | undefined;
}

/** What hosts said when they were to open their secrets. */
export interface HostsChecked {
  readonly findings: readonly HostFinding[];
  /** Why others could not be asked. */
  readonly unreached: readonly SkepErrorJson[];
  /** How many can open all of theirs. */
  readonly well: number;
  /** How many have no secrets. */
  readonly passedOver: number;
  readonly interrupted: boolean;
}

/**
 * Has hosts open the secrets that a deployment would send now, each all of its own, and leaves nothing there. What only the
 * operator can open is opened here first.
 */
export async function checkOnHosts(
  fleet: Fleet,
  { args, terminal }: { readonly args: CheckArguments; readonly terminal: Terminal },
): Promise<HostsChecked> {
  using source = openSecretsSource({
    repository: fleet.repository,
    identities: () => loadIdentities(args.identity, terminal),
  });
  const consumers = fleet.hosts.filter(({ secrets }) => secrets.length > 0);
  const findings: HostFinding[] = [];
  const ready = new Map<Host, readonly HostSecret[]>();
  for (const host of consumers) {
    const { secrets, unread } = await readSecretsOf(host, source);
    findings.push(...unread);
    if (unread.length === 0) ready.set(host, secrets);
  }
  using interrupts = listenForInterrupts(() => undefined);
  const visits = await visitFleet(fleet, [...ready.keys()], {
    args,
    signal: interrupts.stop,
    visit: async (access, { host, signal }) => {
      const { running, profile } = await probeHost(access, { signal });
      const set = makeSecretSet(ready.get(host) ?? [], host);
      return trySecrets(access, { set, toplevel: running ?? profile.system, signal });
    },
  });
  const unreached: SkepErrorJson[] = [];
  let well = 0;
  for (const visit of visits) {
    const host = visit.host.name;
    if ("result" in visit) {
      findings.push(...visit.result.map((problem): HostFinding => ({ level: "error", host, ...problem })));
      if (visit.result.length === 0) well += 1;
    } else if (visit.error.code.startsWith("activation/secrets")) {
      findings.push({ level: "error", host, what: visit.error.message, hint: visit.error.hint });
    } else unreached.push(visit.error);
  }
  const passedOver = fleet.hosts.length - consumers.length;
  return { findings, unreached, well, passedOver, interrupted: interrupts.stop.aborted };
}

/** A host's secrets, and why some of them cannot be had. */
async function readSecretsOf(
  host: Host,
  source: SecretsSource,
): Promise<{ readonly secrets: readonly HostSecret[]; readonly unread: readonly HostFinding[] }> {
  const secrets: HostSecret[] = [];
  const unread: HostFinding[] = [];
  for (const use of host.secrets) {
    try {
      secrets.push({ use, content: await source.read(use, host) });
    } catch (error) {
      if (!(error instanceof SkepError)) throw error;
      unread.push({ level: "error", host: host.name, what: error.message, hint: error.hint });
    }
  }
  return { secrets, unread };
}
