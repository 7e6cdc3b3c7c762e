import { dirname, resolve } from "node:path";
import type { Hive } from "#hive";
import { HiveError } from "#hive";
import type { Repository, Rules } from "#secrets";
import { parseRules, readRepository, SecretsError } from "#secrets";
import { loadHive } from "../hive/load-hive.ts";
import { readDefinition } from "../hive/read-definition.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { findHostKeys } from "./find-host-keys.ts";
import { findRules } from "./find-rules.ts";
import { readAgenix } from "./read-agenix.ts";
import type { SecretsArguments } from "./secrets-command.ts";

/** What the command line says of where rules, hosts and their keys are. */
export type RulesArguments = Partial<SecretsArguments & Pick<SshArguments, "ssh-config" | "known-hosts">>;

export interface LoadRulesOptions {
  /** Warn of hosts that the rules state with another key than the hive or known_hosts has. */
  readonly compareHostKeys?: boolean | undefined;
}

/**
 * Loads the rules that the command line or the folder names, with what the hive beside them says of hosts, and reads the
 * files they are about.
 */
export async function loadRepository(
  args: RulesArguments,
  terminal: Terminal,
  options: LoadRulesOptions = {},
): Promise<Repository> {
  return readRepository(await loadRules(args, terminal, options));
}

/**
 * As {@link loadRepository}, for a hive that is loaded already: the rules that the command line names, else those beside
 * the hive.
 * @throws SecretsError `secrets/rules-not-found`, `secrets/rules`, `secrets/agenix`.
 */
export async function loadRepositoryFor(
  hive: Hive,
  args: RulesArguments,
  terminal: Terminal,
  options: LoadRulesOptions = {},
): Promise<Repository> {
  const { cwd, env } = terminal;
  const path = await findRules({ file: args.secrets, beside: hive.directory, cwd, env });
  return readRepository(await readRules(path, { ...options, hive, args, terminal }));
}

/** The rules alone. @throws SecretsError `secrets/rules-not-found`, `secrets/rules`, `secrets/agenix`; HiveError. */
export async function loadRules(
  args: RulesArguments,
  terminal: Terminal,
  options: LoadRulesOptions = {},
): Promise<Rules> {
  const { cwd, env } = terminal;
  const path = await findRules({ file: args.secrets, hive: args.hive, cwd, env });
  const hive = await hiveBeside(path, { args, terminal });
  return readRules(path, { ...options, hive, args, terminal });
}

interface Context {
  readonly args: RulesArguments;
  readonly terminal: Terminal;
}

/** The hive that is named, else the nearest upwards from the rules. A fleet need not have one for its secrets. */
async function hiveBeside(rules: string, { args, terminal: { cwd, env } }: Context): Promise<Hive | undefined> {
  const isNamed = args.hive !== undefined || Boolean(env.SKEP_HIVE);
  try {
    return await loadHive({ file: args.hive, cwd: isNamed ? cwd : dirname(rules), env });
  } catch (error) {
    if (!isNamed && error instanceof HiveError && error.code === "hive/not-found") return undefined;
    throw error;
  }
}

async function readRules(
  path: string,
  { hive, args, terminal, compareHostKeys }: Context & LoadRulesOptions & { readonly hive: Hive | undefined },
): Promise<Rules> {
  const knownHosts = args["known-hosts"];
  const fleet = {
    consumers: consumersOf(hive),
    hosts: hive?.hosts.map(({ name }) => name),
    hostKeys: findHostKeys(hive, {
      configFile: args["ssh-config"],
      knownHostsFiles: knownHosts === undefined ? undefined : [knownHosts],
    }),
  };
  if (path.endsWith(".nix")) return readAgenix(path, fleet);
  const { value, file, directory } = await readDefinition(path, {
    cwd: terminal.cwd,
    ending: "defineSecrets({ … })",
    fail: (_failure, message, more) => new SecretsError("secrets/rules", message, more),
  });
  if (isAgenix(value)) return readAgenix(resolve(directory, value.agenix), fleet);
  return parseRules(value, { ...fleet, directory, file, compareHostKeys });
}

/** Undefined when no host consumes anything: then it is not the hive that says who does. */
function consumersOf(hive: Hive | undefined): Parameters<typeof parseRules>[1]["consumers"] {
  const consumers = hive?.hosts.flatMap(({ name: host, secrets }) =>
    secrets.map(({ name: secret, open }) => ({ secret, host, open })),
  );
  return consumers?.length === 0 ? undefined : consumers;
}

function isAgenix(value: unknown): value is { readonly agenix: string } {
  return typeof value === "object" && value !== null && "agenix" in value && typeof value.agenix === "string";
}
