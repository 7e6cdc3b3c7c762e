import type { OpenedSecret, Plaintext, SecretState } from "#secrets";
import { findSecret, openSecret, readSwaps, SecretsError, withPlaintextFile, writeSecret } from "#secrets";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { loadIdentities } from "./load-identities.ts";
import { loadRepository } from "./load-rules.ts";
import { readInput } from "./read-input.ts";
import { runEditor } from "./run-editor.ts";
import type { IdentityArguments, NameArguments } from "./secrets-command.ts";

/** Changes a secret in an editor, or replaces it by standard input. */
export async function editSecret(args: NameArguments & IdentityArguments, terminal: Terminal): Promise<number> {
  const { stdout, cwd } = terminal;
  const repository = await loadRepository(args, terminal);
  const secret = findSecret(repository, { text: args.name, cwd });
  using piped = await readGiven(secret.rule.name, { verb: "edit", terminal });
  if (piped !== undefined) {
    await writeSecret(repository, secret, { plaintext: piped });
    stdout.write(`${secret.rule.name} replaced\n`);
    return 0;
  }
  using opened = await openSecret(secret.rule, await loadIdentities(args.identity, terminal));
  using edited = await edit(secret, { terminal, before: opened });
  if (edited.reveal().equals(opened.plaintext.reveal())) {
    stdout.write(`${secret.rule.name} is as it was\n`);
    return 0;
  }
  await writeSecret(repository, secret, { plaintext: edited, replaces: opened.ciphertext });
  stdout.write(`${secret.rule.name} changed\n`);
  return 0;
}

/** Makes a secret that is not there yet. */
export async function addSecret(args: NameArguments, terminal: Terminal): Promise<number> {
  const { stdout, cwd } = terminal;
  const repository = await loadRepository(args, terminal);
  const secret = findSecret(repository, { text: args.name, cwd });
  refuseExisting(secret, `change it with: skep secrets edit ${secret.rule.name}`);
  using plaintext =
    (await readGiven(secret.rule.name, { verb: "add", terminal })) ??
    (await edit(secret, { terminal, before: undefined }));
  await writeSecret(repository, secret, { plaintext });
  stdout.write(`${secret.rule.name} added\n`);
  return 0;
}

/** What comes on standard input, where that is no terminal. @throws SecretsError `secrets/empty` when that is nothing. */
async function readGiven(
  name: string,
  { verb, terminal }: { readonly verb: "add" | "edit"; readonly terminal: Terminal },
): Promise<Plaintext | undefined> {
  const piped = await readInput(terminal);
  if (piped?.reveal().length !== 0) return piped;
  throw new SecretsError(
    "secrets/empty",
    `cannot ${verb} ${name}: standard input is no terminal, and nothing came on it`,
    {
      hint: `give the content there, as in skep secrets ${verb} ${name} < FILE, or call it on a terminal for an editor`,
    },
  );
}

/** @throws SecretsError `secrets/exists`. */
export function refuseExisting({ rule, file }: SecretState, hint: string): void {
  if (file !== undefined) {
    throw new SecretsError("secrets/exists", `cannot make ${rule.name}: ${rule.file} is there already`, { hint });
  }
}

async function edit(
  { rule }: SecretState,
  { terminal, before }: { readonly terminal: Terminal; readonly before: OpenedSecret | undefined },
): Promise<Plaintext> {
  const { stderr, env } = terminal;
  const swaps = await readSwaps();
  if (swaps.length > 0) stderr.write(`skep: warning: memory may be written to ${swaps.join(", ")} while you edit\n`);
  // Ctrl-C is the editor's; were it ours, plaintext would be left behind.
  using _interrupts = listenForInterrupts(() => undefined);
  const folders = [...(env.XDG_RUNTIME_DIR === undefined ? [] : [env.XDG_RUNTIME_DIR]), "/dev/shm"];
  return await withPlaintextFile(before?.plaintext, { name: rule.name, folders }, (path, folder) =>
    runEditor(path, { env, folder }),
  );
}
