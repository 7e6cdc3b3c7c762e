/**
 * GitHub's runner looks for commands in all that a job prints. It takes a line for one that begins, after white space, with
 * `::name properties::data`, or that has `##[name properties]data` anywhere. In `data` it wants `%`, CR and LF escaped, in
 * a property `:` and `,` too.
 */

/** A command for the runner, as a line without its end. */
export function githubCommand(
  name: string,
  data: string,
  properties: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(properties).flatMap(([key, value]) =>
    value === undefined ? [] : `${key}=${escapeData(value).replaceAll(":", "%3A").replaceAll(",", "%2C")}`,
  );
  return `::${name}${given.length > 0 ? ` ${given.join(",")}` : ""}::${escapeData(data)}`;
}

/** Text of one line or several in which the runner finds no commands. */
export function withoutGithubCommands(text: string): string {
  return text.replaceAll(/^([\s\u0085]*):(?=:)/gm, "$1.:").replaceAll("##[", "# #[");
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}
