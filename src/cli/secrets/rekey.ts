import type { RekeyStep } from "#secrets";
import { describeKeys, describeReader, findSecret, planRekey, rekey } from "#secrets";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { loadIdentities } from "./load-identities.ts";
import { loadRepository } from "./load-rules.ts";
import type { RekeyArguments } from "./secrets-command.ts";

/** Encrypts anew what its rule asks for, says what, and returns the exit code. */
export async function rekeyFiles(args: RekeyArguments, terminal: Terminal): Promise<number> {
  const { stdout, stderr, cwd } = terminal;
  const repository = await loadRepository(args, terminal);
  const { files = [] } = args;
  const steps = planRekey(repository, {
    secrets: files.length === 0 ? undefined : files.map((text) => findSecret(repository, { text, cwd })),
    host: args.host,
    all: args.all,
  });
  if (!args["dry-run"]) {
    using interrupts = listenForInterrupts(() => undefined);
    // With nothing to do it still clears away what a run that was killed left behind.
    await rekey(repository, steps, {
      identities: steps.length === 0 ? [] : await loadIdentities(args.identity, terminal),
      signal: interrupts.stop,
    });
  }
  if (steps.length === 0) {
    stdout.write("every file has the readers of its rule\n");
    return 0;
  }
  for (const step of steps) stdout.write(`${describeStep(step)}\n`);
  const count = steps.length === 1 ? "1 file" : `${steps.length} files`;
  stdout.write(args["dry-run"] ? `${count} would be encrypted anew\n` : `${count} encrypted anew\n`);
  warnOfExposed(steps, stderr);
  return 0;
}

function describeStep({ secret: { rule, file } }: RekeyStep): string {
  const gained = file.missing.length === 0 ? [] : [`+ ${file.missing.map(describeReader).join(", ")}`];
  const lost = Object.keys(file.extra).length === 0 ? [] : [`- ${describeKeys(file.extra)}`];
  const changes = [...gained, ...lost];
  return `${rule.name}  ${changes.length === 0 ? "the same readers" : changes.join("  ")}`;
}

/** Rekeying is not rotation. */
function warnOfExposed(steps: readonly RekeyStep[], stderr: Terminal["stderr"]): void {
  const exposed = steps.filter(({ secret }) => Object.keys(secret.file.extra).length > 0);
  for (const { secret } of exposed) {
    stderr.write(
      `skep: warning: ${describeKeys(secret.file.extra)} could read ${secret.rule.name} and keeps what was read: give it new content\n`,
    );
  }
}
