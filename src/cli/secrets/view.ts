import { findSecret, openSecret } from "#secrets";
import type { Terminal } from "../terminal/terminal.ts";
import { loadIdentities } from "./load-identities.ts";
import { loadRepository } from "./load-rules.ts";
import type { IdentityArguments, NameArguments } from "./secrets-command.ts";

/** Writes what a secret says to standard output, byte for byte. */
export async function viewSecret(args: NameArguments & IdentityArguments, terminal: Terminal): Promise<number> {
  const { stdout, cwd } = terminal;
  const repository = await loadRepository(args, terminal);
  const { rule } = findSecret(repository, { text: args.name, cwd });
  using opened = await openSecret(rule, await loadIdentities(args.identity, terminal));
  // It is overwritten when this returns, so the stream must have taken it by then.
  await new Promise<void>((resolve) => {
    stdout.write(opened.plaintext.reveal(), () => {
      resolve();
    });
  });
  return 0;
}
