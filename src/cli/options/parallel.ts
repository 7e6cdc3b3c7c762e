import { CliError } from "../errors.ts";

/** @throws CliError `cli/usage` when `--parallel` was given and is no number of hosts. */
export function refuseOddParallel(parallel: number | undefined, { hint }: { readonly hint: string }): void {
  if (parallel === undefined || (Number.isInteger(parallel) && parallel >= 1)) return;
  throw new CliError("cli/usage", "--parallel takes a whole number from 1 up", { hint });
}
