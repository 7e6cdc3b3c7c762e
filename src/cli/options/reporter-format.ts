import type { RolloutPolicy } from "#hive";
import type { OutputFormat } from "#report";

/** A question in the middle of a screen that is drawn anew all the time would not be read. */
export function reporterFormat(
  { json, output }: { readonly json: boolean; readonly output: OutputFormat },
  { waves }: Pick<RolloutPolicy, "waves">,
): OutputFormat {
  if (json) return "ndjson";
  return output === "auto" && waves.some(({ gate }) => gate?.kind === "confirm") ? "lines" : output;
}
