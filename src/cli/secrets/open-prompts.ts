import { openSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { Redacted } from "#core";
import type { AskPassphrase, PluginPrompts } from "#secrets";
import { SecretsError } from "#secrets";
import type { Terminal } from "../terminal/terminal.ts";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const BACKSPACE = new Set(["\u007f", "\b"]);

/** Those who ask the operator. */
export interface Prompts {
  /** @throws SecretsError `secrets/passphrase` when there is no terminal, or the operator gives up. */
  readonly askPassphrase: AskPassphrase;
  readonly plugins: PluginPrompts;
}

/**
 * Asks on the terminal itself, whatever standard input and output are, one question at a time. What plugins only say goes
 * to standard error.
 */
export function openPrompts({ stderr }: Pick<Terminal, "stderr">): Prompts {
  let before: Promise<unknown> = Promise.resolve();
  const inTurn = (prompt: string, options: AskOptions): Promise<string> => {
    const answer = before.then(() => ask(prompt, options));
    before = answer.catch(() => undefined);
    return answer;
  };
  return {
    async askPassphrase(what, attempt) {
      try {
        const again = attempt === 1 ? "" : "that was not it. ";
        return new Redacted(await inTurn(`${again}passphrase of ${what}: `, { hidden: true }));
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        throw new SecretsError("secrets/passphrase", `cannot use ${what}: it has a passphrase, and ${error.message}`);
      }
    },
    plugins: {
      show(message, { plugin }) {
        stderr.write(`${plugin}: ${message}\n`);
      },
      async ask(kind, prompt, { plugin, signal }) {
        return new Redacted(await inTurn(`${plugin}: ${prompt}: `, { hidden: kind === "secret", signal }));
      },
      async confirm(prompt, { plugin, yes, no, signal }) {
        const choices = no === undefined ? `y = ${yes}` : `y = ${yes}, n = ${no}`;
        const answer = await inTurn(`${plugin}: ${prompt} (${choices}): `, { hidden: false, signal });
        return /^y(es)?$/i.test(answer.trim());
      },
    },
  };
}

interface AskOptions {
  readonly hidden: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Why there is no answer. */
class Unanswered extends Error {}

async function ask(prompt: string, { hidden, signal }: AskOptions): Promise<string> {
  signal?.throwIfAborted();
  const { input, output } = openTerminal();
  const giveUp = (): void => {
    input.setRawMode(false);
    input.destroy();
  };
  signal?.addEventListener("abort", giveUp);
  // Before anybody is asked: what is typed at once must not show either.
  input.setRawMode(true);
  output.write(prompt);
  try {
    let typed = "";
    // Left to itself the loop would close the terminal before its mode is set back.
    const chunks = input.setEncoding("utf8").iterator({ destroyOnReturn: false }) as AsyncIterable<string>;
    for await (const chunk of chunks) {
      for (const character of chunk) {
        if (character === "\r" || character === "\n") return typed;
        if (character === CTRL_C || character === CTRL_D) throw new Unanswered("nobody said it");
        if (!BACKSPACE.has(character)) {
          typed += character;
          if (!hidden) output.write(character);
        } else if (typed !== "") {
          typed = typed.slice(0, -1);
          if (!hidden) output.write("\b \b");
        }
      }
    }
    throw new Unanswered("the terminal went away");
  } finally {
    signal?.removeEventListener("abort", giveUp);
    if (!input.destroyed) input.setRawMode(false);
    output.write("\n");
    input.destroy();
    output.destroy();
  }
}

function openTerminal(): { readonly input: ReadStream; readonly output: WriteStream } {
  try {
    return { input: new ReadStream(openSync("/dev/tty", "r")), output: new WriteStream(openSync("/dev/tty", "w")) };
  } catch {
    throw new Unanswered("there is no terminal to ask on");
  }
}
