/**
 * The `age` of sandbox hosts, which opens files on machines without one, and the same way on all:
 *
 *     age (-d | --decrypt) [(-i | --identity) FILE]… [(-o | --output) OUTPUT] [INPUT]
 *     age --version
 *
 * As Go's flags are, those of two dashes are those of one, a value may follow a "=", and what follows INPUT is no flag.
 */
import { open, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { getSystemErrorMap } from "node:util";
import { messageOf } from "#core";
import type { Identity, Plaintext } from "#secrets";
import { openBytes, parseIdentities, SecretsError } from "#secrets";
import type { ProgramCall, ProgramResult } from "./call-pipe.ts";

/** Says what went wrong as age does. */
class AgeFailure extends Error {}

interface AgeCall {
  readonly decrypts: boolean;
  readonly asksVersion: boolean;
  readonly identities: readonly string[];
  /** Undefined: standard output. */
  readonly output: string | undefined;
  /** Undefined: standard input. */
  readonly input: string | undefined;
}

const USAGE = `Usage:
    age --decrypt [-i PATH]... [-o OUTPUT] [INPUT]

On a sandbox host age only decrypts.
`;

/** Answers one call of `age`. The plaintext goes to `OUTPUT` itself, which is made with mode 0600. */
export async function age({ directory, args, input }: ProgramCall): Promise<ProgramResult | "input"> {
  try {
    const call = parseAgeCall(args);
    if (typeof call === "string") return { exitCode: 2, stdout: "", stderr: `${call}\n${USAGE}` };
    if (call.asksVersion) return { exitCode: 0, stdout: "(skep sandbox)\n", stderr: "" };
    if (!call.decrypts) return { exitCode: 1, stdout: "", stderr: USAGE };
    if (call.input === undefined && input === undefined) return "input";
    const place = (path: string): string => resolve(directory, path);
    const sealed = call.input === undefined ? (input ?? Buffer.alloc(0)) : await readInput(call.input, place);
    const identities = (await Promise.all(call.identities.map((file) => readIdentities(file, place)))).flat();
    using plaintext = await openSealed(sealed, identities);
    const { output } = call;
    if (output === undefined) return { exitCode: 0, stdout: Buffer.from(plaintext.reveal()), stderr: "" };
    await writeOutput(output, place(output), plaintext);
    return { exitCode: 0, stdout: "", stderr: "" };
  } catch (error) {
    if (!(error instanceof AgeFailure)) throw error;
    return { exitCode: 1, stdout: "", stderr: `age: error: ${error.message}\n` };
  }
}

const FLAGS: Readonly<Record<string, keyof AgeCall>> = {
  d: "decrypts",
  decrypt: "decrypts",
  version: "asksVersion",
  i: "identities",
  identity: "identities",
  o: "output",
  output: "output",
};

/** @returns what is wrong with a flag. */
function parseAgeCall(args: readonly string[]): AgeCall | string {
  const call = {
    decrypts: false,
    asksVersion: false,
    identities: [] as string[],
    output: undefined as string | undefined,
  };
  const left = [...args];
  for (let arg = left[0]; arg?.startsWith("-") === true && arg !== "-"; arg = left[0]) {
    left.shift();
    if (arg === "--") break;
    const [, name = "", attached] = /^--?([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
    if (flag === undefined) return `flag provided but not defined: -${name}`;
    if (flag === "decrypts" || flag === "asksVersion") {
      call[flag] = true;
      continue;
    }
    const value = attached ?? left.shift();
    if (value === undefined) return `flag needs an argument: -${name}`;
    if (flag === "identities") call.identities.push(value);
    else call.output = value === "-" ? undefined : value;
  }
  const [input, ...more] = left;
  if (more.length > 0) {
    throw new AgeFailure(`too many INPUT arguments: ${left.map((word) => JSON.stringify(word)).join(" ")}`);
  }
  return { ...call, input: input === "-" ? undefined : input };
}

type Place = (path: string) => string;

async function readInput(file: string, place: Place): Promise<Buffer> {
  try {
    return await readFile(place(file));
  } catch (error) {
    throw new AgeFailure(`failed to open input file "${file}": open ${file}: ${reasonOf(error)}`);
  }
}

async function readIdentities(file: string, place: Place): Promise<readonly Identity[]> {
  let text: string;
  try {
    text = await readFile(place(file), "utf8");
  } catch (error) {
    throw new AgeFailure(`reading "${file}": failed to open file: open ${file}: ${reasonOf(error)}`);
  }
  try {
    return await parseIdentities(text, { file });
  } catch (error) {
    throw new AgeFailure(`reading "${file}": ${messageOf(error)}`);
  }
}

/** All of it is authenticated before any of it is given out. */
async function openSealed(sealed: Buffer, identities: readonly Identity[]): Promise<Plaintext> {
  try {
    return await openBytes(sealed, identities);
  } catch (error) {
    if (!(error instanceof SecretsError)) throw error;
    if (error.code === "secrets/cannot-open") throw new AgeFailure("no identity matched any of the recipients");
    throw new AgeFailure(error.message);
  }
}

async function writeOutput(name: string, path: string, plaintext: Plaintext): Promise<void> {
  try {
    await using file = await open(path, "w", 0o600);
    await file.writeFile(plaintext.reveal());
  } catch (error) {
    throw new AgeFailure(`open ${name}: ${reasonOf(error)}`);
  }
}

/** What the system says of an error: "no such file or directory". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error) || !("errno" in error) || typeof error.errno !== "number") return messageOf(error);
  return getSystemErrorMap().get(error.errno)?.[1] ?? messageOf(error);
}
