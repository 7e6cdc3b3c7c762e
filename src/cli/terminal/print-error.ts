import { SkepError } from "#core";
import type { Terminal } from "./terminal.ts";

/** Prints an error that ended a command: `skep: error: …` and, where one is known, `skep: hint: …`. */
export async function printError(error: unknown, terminal: Terminal): Promise<void> {
  const { forPeople } = await import("./for-people.ts");
  forPeople(terminal.stderr, terminal).write(await errorText(error, terminal));
}

/** What {@link printError} prints, in whole lines: errors quote what hosts say, and a terminal is to obey none of it. */
export async function errorText(error: unknown, { stderr, env }: Terminal): Promise<string> {
  const { plainLine, plainLines, useColors } = await import("#report");
  const [red, reset] = useColors(stderr, env) ? ["\u001b[31m", "\u001b[39m"] : ["", ""];
  if (error instanceof SkepError) {
    const where = error.host === undefined ? "" : `${error.host}: `;
    const hint = error.hint === undefined ? "" : `skep: hint: ${plainLine(error.hint)}\n`;
    return `skep: ${red}error${reset}: ${where}${plainLines(error.message).join("\n")} [${error.code}]\n${hint}`;
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const hint = "skep: hint: please report this with the lines above\n";
  return `skep: ${red}error${reset}: something in skep itself failed [cli/internal]\n${plainLines(trace).join("\n")}\n${hint}`;
}
