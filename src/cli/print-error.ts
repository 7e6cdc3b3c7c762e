import { SkepError } from "#core";
import type { Terminal } from "./terminal.ts";

/** Prints an error that ended a command: `skep: error: …` and, where one is known, `skep: hint: …`. */
export async function printError(error: unknown, { stderr, env }: Terminal): Promise<void> {
  const { useColors } = await import("#report");
  const [red, reset] = useColors(stderr, env) ? ["\u001b[31m", "\u001b[39m"] : ["", ""];
  if (error instanceof SkepError) {
    const where = error.host === undefined ? "" : `${error.host}: `;
    stderr.write(`skep: ${red}error${reset}: ${where}${error.message} [${error.code}]\n`);
    if (error.hint !== undefined) stderr.write(`skep: hint: ${error.hint}\n`);
    return;
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  stderr.write(`skep: ${red}error${reset}: something in skep itself failed [cli/internal]\n${trace}\n`);
  stderr.write("skep: hint: please report this with the lines above\n");
}
