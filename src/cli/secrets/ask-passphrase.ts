import { openSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { Redacted } from "#core";
import { SecretsError } from "#secrets";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const BACKSPACE = new Set(["\u007f", "\b"]);

/**
 * Asks for a passphrase on the terminal itself, whatever standard input and output are, without showing it.
 * @throws SecretsError `secrets/passphrase` when there is no terminal, or the operator gives up.
 */
export async function askPassphrase(what: string, attempt: number): Promise<Redacted<string>> {
  const terminal = openTerminal(what);
  const { input, output } = terminal;
  output.write(`${attempt === 1 ? "" : "that was not it. "}passphrase of ${what}: `);
  input.setRawMode(true);
  try {
    let typed = "";
    for await (const chunk of input.setEncoding("utf8") as AsyncIterable<string>) {
      for (const character of chunk) {
        if (character === "\r" || character === "\n") return new Redacted(typed);
        if (character === CTRL_C || character === CTRL_D) throw refused(what, "nobody said it");
        typed = BACKSPACE.has(character) ? typed.slice(0, -1) : typed + character;
      }
    }
    throw refused(what, "the terminal went away");
  } finally {
    if (!input.destroyed) input.setRawMode(false);
    output.write("\n");
    input.destroy();
    output.destroy();
  }
}

function openTerminal(what: string): { readonly input: ReadStream; readonly output: WriteStream } {
  try {
    return { input: new ReadStream(openSync("/dev/tty", "r")), output: new WriteStream(openSync("/dev/tty", "w")) };
  } catch {
    throw refused(what, "there is no terminal to ask on");
  }
}

function refused(what: string, why: string): SecretsError {
  return new SecretsError("secrets/passphrase", `cannot use ${what}: it has a passphrase, and ${why}`);
}
