import { withoutGithubCommands } from "#report";
import type { Stream, Terminal } from "./terminal.ts";

/** Takes what people read. In a job of GitHub's, whose runner obeys what a job prints, no host gives it a command. */
export function forPeople(stream: Stream, { env }: Pick<Terminal, "env">): { write(text: string): void } {
  return {
    write(text) {
      stream.write(env.GITHUB_ACTIONS === "true" ? withoutGithubCommands(text) : text);
    },
  };
}
