import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { findSecret, Plaintext, SecretsError, writeSecret } from "#secrets";
import { CliError } from "../errors.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { refuseExisting } from "./edit.ts";
import { loadRepository } from "./load-rules.ts";
import type { NameArguments } from "./secrets-command.ts";

const MAX_LENGTH = 65_536;

interface GenerateArguments extends NameArguments {
  readonly length: number;
  readonly as: "base64" | "base64url" | "hex" | "raw";
  readonly replace: boolean;
}

/** Makes a secret of random bytes. */
export async function generateSecret(args: GenerateArguments, terminal: Terminal): Promise<number> {
  const { length, as } = args;
  if (!Number.isInteger(length) || length < 1 || length > MAX_LENGTH) {
    throw new CliError("cli/usage", `--length takes a whole number from 1 to ${MAX_LENGTH}, not ${length}`);
  }
  const repository = await loadRepository(args, terminal);
  const secret = findSecret(repository, { text: args.name, cwd: terminal.cwd });
  if (!args.replace) refuseExisting(secret, "give it new content with --replace");
  const bytes = randomBytes(length);
  using plaintext = new Plaintext(as === "raw" ? bytes : Buffer.from(bytes.toString(as), "latin1"));
  await writeSecret(repository, secret, { plaintext });
  terminal.stdout.write(`${secret.rule.name} generated\n`);
  return 0;
}

/** Gives a secret what a command prints. */
export async function rotateSecret(
  args: NameArguments & { readonly with: string },
  terminal: Terminal,
): Promise<number> {
  const repository = await loadRepository(args, terminal);
  const secret = findSecret(repository, { text: args.name, cwd: terminal.cwd });
  if (secret.file === undefined) {
    throw new SecretsError("secrets/missing", `cannot rotate ${secret.rule.name}: ${secret.rule.file} is not there`, {
      hint: "make it with: skep secrets add",
    });
  }
  using plaintext = await outputOf(args.with, terminal);
  await writeSecret(repository, secret, { plaintext });
  terminal.stdout.write(`${secret.rule.name} rotated\n`);
  return 0;
}

async function outputOf(command: string, { cwd, env }: Terminal): Promise<Plaintext> {
  const child = spawn("/bin/sh", ["-c", command], { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close") as Promise<[number | null]>;
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) chunks.push(chunk);
  const [code] = await closed;
  using plaintext = new Plaintext(Buffer.concat(chunks));
  for (const chunk of chunks) chunk.fill(0);
  if (code === 0) return new Plaintext(Buffer.from(plaintext.reveal()));
  throw new SecretsError(
    "secrets/editor",
    `the command of --with ended with ${code === null ? "a signal" : `exit code ${code}`}`,
    {
      hint: "nothing was changed",
    },
  );
}
