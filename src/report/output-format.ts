/**
 * How a run is shown: `tty` redraws the terminal, `lines` prints one line after another, `github` and `gitlab` fold and
 * mark these as the two CI systems want them, `ndjson` gives the events to programs. `auto` is `github` or `gitlab` in a
 * job of these, `tty` on a terminal that can be redrawn, outside of CI, else `lines`.
 */
export const OUTPUT_FORMATS = ["auto", "tty", "lines", "github", "gitlab", "ndjson"] as const;

export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** What `auto` comes to for what people see on `stderr`. */
export function chooseFormat(
  format: OutputFormat,
  stderr: { readonly isTTY?: boolean | undefined },
  env: Readonly<Record<string, string | undefined>>,
): Exclude<OutputFormat, "auto"> {
  if (format !== "auto") return format;
  if (env.GITHUB_ACTIONS === "true") return "github";
  if (env.GITLAB_CI === "true") return "gitlab";
  const inCi = !["", "0", "false"].includes(env.CI ?? "");
  return stderr.isTTY === true && env.TERM !== "dumb" && !inCi ? "tty" : "lines";
}
