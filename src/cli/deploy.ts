import type { Goal, Limits } from "#hive";
import { createReporter, useColors } from "#report";
import { rollOut } from "#rollout";
import type { DeployArguments } from "./deploy-command.ts";
import { CliError } from "./errors.ts";
import { exitCodeOfReport } from "./exit-codes.ts";
import { loadSelection } from "./hive-options.ts";
import { listenForInterrupts } from "./interrupts.ts";
import type { Terminal } from "./terminal.ts";

/** Deploys what the command line selects, shows it, and returns the exit code. */
export async function deploy(goal: Goal, args: DeployArguments, terminal: Terminal): Promise<number> {
  const limits = limitsOf(args);
  const { hive, hosts } = await loadSelection(args, terminal);
  const { stdout, stderr, env } = terminal;
  await using reporter = createReporter({
    format: args.json ? "ndjson" : args.output,
    stdout,
    stderr,
    env,
    colors: useColors(stderr, env),
    verbose: args.verbose,
    quiet: args.quiet,
  });
  using interrupts = listenForInterrupts(({ leave }) => {
    reporter.handle({ at: Date.now(), type: "interrupted", leave });
  });
  const report = await rollOut(hive, {
    goal,
    hosts,
    limits,
    ssh: {
      configFile: args["ssh-config"],
      knownHostsFiles: args["known-hosts"] === undefined ? undefined : [args["known-hosts"]],
      hostKeyPolicy: args["accept-new"] ? "accept-new" : "strict",
    },
    stealLease: args["steal-lease"],
    onEvent: (event) => {
      reporter.handle(event);
    },
    stop: interrupts.stop,
    leave: interrupts.leave,
  });
  return exitCodeOfReport(report);
}

function limitsOf(args: DeployArguments): Partial<Limits> {
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
      throw new CliError("cli/usage", `${option} takes a whole number from 1 up, not ${value}`, {
        hint: "see skep deploy --help",
      });
    }
    limits[name] = value;
  }
  return limits;
}
