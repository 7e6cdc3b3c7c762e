/**
 * How a run is shown: `tty` redraws the terminal, `lines` prints one line after another, `ndjson` gives the events to
 * programs; `auto` is `tty` on a terminal that can be redrawn, outside of CI, else `lines`.
 */
export const OUTPUT_FORMATS = ["auto", "tty", "lines", "ndjson"] as const;

export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** What `auto` comes to for what people see on `stderr`. */
export function chooseFormat(
  format: OutputFormat,
  stderr: { readonly isTTY?: boolean | undefined },
  env: Readonly<Record<string, string | undefined>>,
): Exclude<OutputFormat, "auto"> {
  if (format !== "auto") return format;
  const inCi = !["", "0", "false"].includes(env.CI ?? "");
  return stderr.isTTY === true && env.TERM !== "dumb" && !inCi ? "tty" : "lines";
}
