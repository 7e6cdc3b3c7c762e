import { describeFound } from "../describe-found.ts";
import type { ActivationLimits, Check, Host, HostName, Target } from "../hive.ts";
import type { Path, Problems } from "../problems.ts";
import { resolvePath, resolveSource } from "../resolve-path.ts";
import { writeDuration } from "../words.ts";
import type { HostDefaultsRead, HostRead } from "./host-schema.ts";
import { makeSecrets } from "./make-secrets.ts";

const ACTIVATION_TIMEOUT_MS = 300_000;
/** For the fresh login and the confirmation itself, after the checks. */
const CONFIRM_MARGIN_MS = 30_000;

/** Where sshd keeps those of its keys that can decrypt. */
const IDENTITY_PATHS = ["/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa_key"];

interface MakeHostContext {
  readonly defaults: HostDefaultsRead;
  readonly directory: string;
  readonly problems: Problems;
}

/** A host with the defaults under it: its own settings win, its own tags come first and the shared ones are added. */
export function makeHost(name: HostName, host: HostRead, { defaults, directory, problems }: MakeHostContext): Host {
  const settings = { name, host, defaults };
  const checks = host.checks ?? defaults.checks ?? [];
  refuseSharedNames(settings, { checks, problems });
  return {
    name,
    target: targetOf(name, host.target ?? {}, directory),
    tags: [...new Set([...(host.tags ?? []), ...(defaults.tags ?? [])])],
    elevation: host.elevation ?? defaults.elevation ?? "sudo",
    system: resolveSource(host.system, directory),
    checks,
    activation: activationOf(settings, { checks, problems }),
    substitute: host.substitute ?? defaults.substitute ?? false,
    store: host.store ?? defaults.store ?? "auto",
    secrets: makeSecrets(settings, problems),
    identityPaths: host.identityPaths ?? defaults.identityPaths ?? IDENTITY_PATHS,
  };
}

interface Settings {
  readonly name: HostName;
  readonly host: HostRead;
  readonly defaults: HostDefaultsRead;
}

interface ChecksContext {
  readonly checks: readonly Check[];
  readonly problems: Problems;
}

function targetOf(name: HostName, target: NonNullable<HostRead["target"]>, directory: string): Target {
  const { host = name, user, port, identityFile, proxyJump, hostKey, root = "" } = target;
  const absolute = identityFile === undefined ? undefined : resolvePath(identityFile, directory);
  return { host, user, port, identityFile: absolute, proxyJump, hostKey, root };
}

/** Reports speak of a check by its name. */
function refuseSharedNames({ name, host }: Settings, { checks, problems }: ChecksContext): void {
  const path: Path = host.checks === undefined ? ["defaults", "checks"] : ["hosts", name, "checks"];
  checks.forEach((check, index) => {
    const first = checks.findIndex((other) => other.name === check.name);
    if (first === index) return;
    problems.add([...path, index, "name"], `a name that checks[${first}] has not`, describeFound(check.name));
  });
}

function activationOf({ name, host, defaults }: Settings, { checks, problems }: ChecksContext): ActivationLimits {
  const timeoutMs = host.activation?.timeout ?? defaults.activation?.timeout ?? ACTIVATION_TIMEOUT_MS;
  const slowest = checks.reduce<Check | undefined>(
    (slow, check) => (slow !== undefined && slow.deadlineMs >= check.deadlineMs ? slow : check),
    undefined,
  );
  const own = host.activation?.confirmTimeout;
  const stated = own ?? defaults.activation?.confirmTimeout;
  if (stated !== undefined && slowest !== undefined && stated <= slowest.deadlineMs) {
    const path = [...(own === undefined ? ["defaults"] : ["hosts", name]), "activation", "confirmTimeout"];
    const expected = `more than the ${writeDuration(slowest.deadlineMs)} that check "${slowest.name}" of ${name} may take`;
    problems.add(path, expected, describeFound(writeDuration(stated)));
  }
  return { timeoutMs, confirmTimeoutMs: stated ?? CONFIRM_MARGIN_MS + (slowest?.deadlineMs ?? 0) };
}
