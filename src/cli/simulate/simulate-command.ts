import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import type { HiveArguments } from "../options/hive-options.ts";
import { withHiveOptions } from "../options/hive-options.ts";
import { rolloutOptions } from "../options/rollout-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

const { confirm: _confirm, reboot: _reboot, ...policyOptions } = rolloutOptions;

/** The options of `skep simulate` beside those of the hive. */
export const simulateOptions = {
  ...policyOptions,
  hosts: { type: "number", requiresArg: true, description: "So many made-up hosts instead of the hive's" },
  fail: {
    type: "string",
    requiresArg: true,
    description: "Hosts whose new system is bad: a number, or a share such as 1% or 0.1%",
  },
  fault: {
    type: "string",
    array: true,
    requiresArg: true,
    description: "Something else that goes wrong: KIND=AMOUNT, such as dead=0.5% or flapping=3",
  },
  seed: { type: "number", default: 1, requiresArg: true, description: "The same seed gives the same run" },
  parallel: { alias: "p", type: "number", requiresArg: true, description: "Hosts at one time" },
  json: { type: "boolean", default: false, description: "The result as one JSON object" },
} as const;

export type SimulateArguments = HiveArguments & InferredOptionTypes<typeof simulateOptions>;

/** `skep simulate`. What does the work is loaded when it is needed. */
export function addSimulateCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "simulate",
    "Try a rollout policy on hosts that do not exist, by the code that deploys to those that do",
    (command) =>
      (withHiveOptions(command).options(simulateOptions) as unknown as Yargs<SimulateArguments>)
        .example("skep simulate --fail 5%", "the hive's hosts and policy, every twentieth system bad")
        .example(
          'skep simulate --hosts 10000 --fail 1% --wave @canary --wave 10% --max-failures "2%"',
          "a made-up fleet",
        )
        .example("skep simulate --hosts 500 --fault dead=1% --fault slow=10% --seed 7", "what else goes wrong"),
    async (args) => {
      const { simulate } = await import("./simulate.ts");
      finish(await simulate(args, terminal));
    },
  );
}
