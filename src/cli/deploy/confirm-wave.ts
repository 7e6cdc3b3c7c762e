import { createInterface } from "node:readline/promises";
import type { RollOutOptions } from "#rollout";
import type { Terminal } from "../terminal/terminal.ts";

/** Asks the person at the terminal; undefined where there is none. */
export function confirmAt({ stdin, stderr }: Terminal): RollOutOptions["confirm"] {
  if (stdin?.isTTY !== true) return undefined;
  return async (question, { signal }) => {
    // The terminal keeps its own ways, so that Ctrl-C stops the run as it does elsewhere.
    const prompt = createInterface({ input: stdin, output: stderr, terminal: false });
    try {
      const answer = await prompt.question(`skep: ${question} [y/N] `, { signal });
      return /^y(es)?$/i.test(answer.trim());
    } finally {
      prompt.close();
    }
  };
}
