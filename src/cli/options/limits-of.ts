import type { Limits } from "#hive";
import { CliError } from "../errors.ts";

/** The options that say how much is done at one time, as far as a command has them. */
export interface LimitArguments {
  readonly parallel?: number | undefined;
  readonly "limit-evaluate"?: number | undefined;
  readonly "limit-build"?: number | undefined;
  readonly "limit-copy"?: number | undefined;
  readonly "limit-activate"?: number | undefined;
}

/** @throws CliError `cli/usage` when one is no number from 1 up. */
export function limitsOf(args: LimitArguments): Partial<Limits> {
  const given = {
    parallel: args.parallel,
    evaluate: args["limit-evaluate"],
    build: args["limit-build"],
    copy: args["limit-copy"],
    activate: args["limit-activate"],
  };
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const [name, value] of Object.entries(given) as [keyof typeof given, number | undefined][]) {
    if (value === undefined) continue;
    if (!Number.isInteger(value) || value < 1) {
      const option = name === "parallel" ? "--parallel" : `--limit-${name}`;
      throw new CliError("cli/usage", `${option} takes a whole number from 1 up`);
    }
    limits[name] = value;
  }
  return limits;
}
