import { appendFile, rm } from "node:fs/promises";
import { errnoOf, makeFolder, reasonOf, SkepError, writeFileAtomically } from "#core";
import { CliError } from "../errors.ts";
import { exitCodeOfError } from "../exit-codes.ts";
import { printError } from "./print-error.ts";
import type { Terminal } from "./terminal.ts";

/** What is written, as the error names it: `the plan`. */
interface What {
  readonly what: string;
}

/** Writes a file that the command line asks for, whole or not at all. @throws CliError `cli/file`. */
export async function writeOutput(file: string, text: string, { what }: What): Promise<void> {
  await attempt(`write ${what} to ${file}`, () => writeFileAtomically(file, text));
}

/** @throws CliError `cli/file`. */
export async function appendOutput(file: string, text: string, { what }: What): Promise<void> {
  await attempt(`write ${what} to ${file}`, () => appendFile(file, text));
}

/** @throws CliError `cli/file`. */
export async function makeOutputFolder(folder: string, { what }: What): Promise<void> {
  await attempt(`make the folder ${folder} for ${what}`, () => makeFolder(folder));
}

/** Removes a file that one would be written to, where there is one. @throws CliError `cli/file`. */
export async function removeOutput(file: string, { what }: What): Promise<void> {
  await attempt(`remove ${what} ${file}`, () => rm(file, { force: true }));
}

/**
 * Does what is left to do when the hosts are as they are, and have an exit code: what goes wrong with it is told, and
 * costs no more than the 0.
 */
export async function afterwards(exitCode: number, terminal: Terminal, work: () => Promise<unknown>): Promise<number> {
  try {
    await work();
    return exitCode;
  } catch (error) {
    if (!(error instanceof SkepError)) throw error;
    await printError(error, terminal);
    return exitCode === 0 ? exitCodeOfError(error) : exitCode;
  }
}

async function attempt(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    const isFull = ["ENOSPC", "EDQUOT"].includes(errnoOf(cause) ?? "");
    // What making a folder says where a file of that name is.
    const reason = errnoOf(cause) === "EEXIST" ? "a file is where its folder should be" : reasonOf(cause);
    throw new CliError("cli/file", `cannot ${what}: ${reason}`, {
      hint: isFull ? "make room there, or name another place" : "name a place that you may write to",
      cause,
    });
  }
}
