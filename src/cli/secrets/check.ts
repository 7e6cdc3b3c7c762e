import { checkRepository, SecretsError } from "#secrets";
import type { IdentityArguments } from "../secrets-command.ts";
import type { Terminal } from "../terminal.ts";
import { loadIdentities } from "./load-identities.ts";
import { loadRepository } from "./load-rules.ts";

/**
 * Checks the secrets, prints what it finds, and returns the exit code.
 * @throws SecretsError `secrets/check` when something is wrong.
 */
export async function checkSecrets(
  args: IdentityArguments & { readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const { stdout } = terminal;
  const repository = await loadRepository(args, terminal);
  const identities = args.identity === undefined ? undefined : await loadIdentities(args.identity, terminal);
  const findings = await checkRepository(repository, { identities });
  if (args.json) stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
  else for (const { level, name, what } of findings) stdout.write(`${level}: ${name}: ${what}\n`);
  const errors = findings.filter(({ level }) => level === "error").length;
  if (errors > 0) {
    throw new SecretsError("secrets/check", `the check found ${errors === 1 ? "1 problem" : `${errors} problems`}`);
  }
  const { length } = repository.secrets;
  if (!args.json) stdout.write(`${length === 1 ? "1 secret is" : `${length} secrets are`} as the rules say\n`);
  return 0;
}
