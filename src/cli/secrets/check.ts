import type { SkepErrorJson } from "#core";
import { jsonText } from "#core";
import { plainLines } from "#report";
import type { Finding, Repository } from "#secrets";
import { checkRepository, SecretsError } from "#secrets";
import { CliError } from "../errors.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { count } from "./count.ts";
import { loadIdentities } from "./load-identities.ts";
import type { RulesArguments } from "./load-rules.ts";
import { loadRepository } from "./load-rules.ts";
import type { HostFinding, HostsChecked } from "./on-hosts-check.ts";
import type { Fleet } from "./on-hosts.ts";
import { printHostError } from "./print-host-error.ts";
import type { CheckArguments } from "./secrets-command.ts";

/**
 * Checks the secrets, and with `--on-host` whether hosts can open theirs, prints what it finds, and returns the exit code:
 * 5 when all that is wrong is that some host could not be asked.
 * @throws SecretsError `secrets/check` when something is wrong.
 */
export async function checkSecrets(args: CheckArguments, terminal: Terminal): Promise<number> {
  const { stdout } = terminal;
  refuseIdleOptions(args);
  const fleet = args["on-host"] ? await fleetOf(args, terminal) : undefined;
  const { repository, findings } = await checkFiles(args, terminal, { repository: fleet?.repository });
  if (!args.json) for (const finding of findings) stdout.write(`${describeFinding(finding)}\n`);
  let onHosts = NO_HOSTS;
  if (fleet !== undefined) {
    const { checkOnHosts } = await import("./on-hosts-check.ts");
    onHosts = await checkOnHosts(fleet, { args, terminal });
  }
  if (onHosts.interrupted) return 130;
  if (args.json) {
    const all = [...findings, ...onHosts.findings, ...onHosts.unreached.map(asFinding)];
    stdout.write(`${jsonText(all, 2)}\n`);
  } else for (const finding of onHosts.findings) stdout.write(`${describeFinding(finding)}\n`);
  for (const error of onHosts.unreached) await printHostError(error, terminal);
  const errors = findings.filter(({ level }) => level === "error").length + onHosts.findings.length;
  if (errors > 0) {
    throw new SecretsError("secrets/check", `the check found ${count(errors, "problem")}`, {
      hint: onHosts.findings.find(({ hint }) => hint !== undefined)?.hint,
    });
  }
  if (!args.json)
    stdout.write(`${[describeWell(repository), ...(fleet === undefined ? [] : describeHosts(onHosts))].join("; ")}\n`);
  return onHosts.unreached.length > 0 ? 5 : 0;
}

/** What is found in the rules, the files and their folder. No host is asked. */
export async function checkFiles(
  args: RulesArguments & Pick<CheckArguments, "identity">,
  terminal: Terminal,
  { repository: read }: { readonly repository?: (() => Promise<Repository>) | undefined } = {},
): Promise<{ readonly repository: Repository; readonly findings: readonly Finding[] }> {
  const repository = await (read?.() ?? loadRepository(args, terminal, { compareHostKeys: true }));
  const identities = args.identity === undefined ? undefined : await loadIdentities(args.identity, terminal);
  return { repository, findings: await checkRepository(repository, { identities }) };
}

/** What is said of files in which nothing is wrong. */
export function describeWell({ secrets: { length } }: Repository): string {
  return `${length === 1 ? "1 secret is" : `${length} secrets are`} as the rules say`;
}

async function fleetOf(args: CheckArguments, terminal: Terminal): Promise<Fleet> {
  const { loadFleet } = await import("./on-hosts.ts");
  return loadFleet(args, terminal, { compareHostKeys: true });
}

const NO_HOSTS: HostsChecked = { findings: [], unreached: [], well: 0, passedOver: 0, interrupted: false };

/** Without `--on-host` nobody logs in anywhere: what is said about hosts would be passed over in silence. */
function refuseIdleOptions(args: CheckArguments): void {
  if (args["on-host"]) return;
  const idle = (["on", "parallel"] as const).find((option) => args[option] !== undefined);
  if (idle === undefined) return;
  throw new CliError("cli/usage", `--${idle} is about hosts, and without --on-host none is asked`, {
    hint: "add --on-host, or see skep secrets check --help",
  });
}

export function describeFinding(finding: Finding | HostFinding): string {
  const host = "host" in finding ? [finding.host] : [];
  const name = finding.name === undefined ? [] : [finding.name];
  return plainLines([finding.level, ...host, ...name, finding.what].join(": ")).join("\n");
}

function asFinding({ host = "", code, message, hint }: SkepErrorJson): HostFinding & { readonly code: string } {
  return { level: "error", host, what: message, hint, code };
}

function describeHosts({ well, passedOver, unreached }: HostsChecked): readonly string[] {
  return [
    `${count(well, "host")} can open ${well === 1 ? "its own" : "their own"}`,
    ...(passedOver === 0 ? [] : [`${count(passedOver, "host")} ${passedOver === 1 ? "has" : "have"} none`]),
    ...(unreached.length === 0 ? [] : [`${count(unreached.length, "host")} could not be asked`]),
  ];
}
