import type { Check, Host } from "#hive";
import type { SandboxHost } from "./sandbox-host.ts";
import { HOST_KEY_PATH } from "./ssh/host-key.ts";
import { placeMadeUpSecrets } from "./stand-in-secrets.ts";
import type { Sandbox, SandboxOptions } from "./start-sandbox.ts";
import { startSandbox } from "./start-sandbox.ts";

/** A sandbox with a throw-away host for each of some hosts. Dispose it to end them. */
export interface SandboxTwin extends AsyncDisposable {
  readonly sandbox: Sandbox;
  /** The hosts as they were, but with their twins' targets, and checks that ask the twins. */
  readonly hosts: readonly Host[];
}

/**
 * Starts a throw-away twin of each host.
 * @throws SandboxError.
 */
export async function sandboxTwin(
  hosts: readonly Host[],
  options: Omit<SandboxOptions, "hosts"> = {},
): Promise<SandboxTwin> {
  const sandbox = await startSandbox({ ...options, hosts: hosts.map(({ name }) => name) });
  try {
    return {
      sandbox,
      hosts: await twinsOf(hosts, sandbox),
      [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
    };
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Hosts as they are, but on the sandbox's hosts of the same names.
 *
 * A check of a port asks the loopback port that stands for it on the twin, and so does a URL that names the host's own
 * address; what is about others is asked as it is. Checks through SSH need no change: there a host's ports go by their
 * own numbers.
 *
 * Secrets belong to the one user that a twin has, and the twin opens them all, with its SSH host key: see `standInSecrets`.
 * Where the sandbox holds no secrets, the twins have none: files of made-up content lie where programs look for them.
 * @throws SandboxError `sandbox/hosts` when the sandbox has not all of them.
 */
export async function twinsOf(hosts: readonly Host[], sandbox: Sandbox): Promise<readonly Host[]> {
  return Promise.all(hosts.map((host) => twinOf(host, sandbox)));
}

async function twinOf(host: Host, sandbox: Sandbox): Promise<Host> {
  const twin = sandbox.host(host.name);
  if (!sandbox.holdsSecrets) await placeMadeUpSecrets(host, twin);
  const checks = await Promise.all(host.checks.map((check) => checkOf(check, { host, twin })));
  return {
    ...host,
    target: { ...host.target, proxyJump: "none", ...twin.target },
    elevation: "none",
    checks,
    secrets: sandbox.holdsSecrets
      ? host.secrets.map((secret) => ({ ...secret, owner: "root", group: undefined, open: "host" as const }))
      : [],
    identityPaths: [HOST_KEY_PATH],
  };
}

async function checkOf(
  check: Check,
  { host, twin }: { readonly host: Host; readonly twin: SandboxHost },
): Promise<Check> {
  switch (check.kind) {
    case "http": {
      if (check.from === "host" && check.url === undefined) return check;
      if (check.url === undefined) return { ...check, port: await twin.portOf(check.port) };
      const url = new URL(check.url);
      if (check.from === "host" || url.hostname !== host.target.host) return check;
      const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
      url.hostname = twin.target.host;
      url.port = String(await twin.portOf(port));
      return { ...check, url: url.href };
    }
    case "tcp":
      if (check.from === "host" || (check.address !== undefined && check.address !== host.target.host)) return check;
      return { ...check, address: undefined, port: await twin.portOf(check.port) };
    case "unit":
    case "command":
    case "baseline":
    case "custom":
      return check;
  }
}
