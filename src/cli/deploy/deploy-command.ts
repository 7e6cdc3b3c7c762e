import type { Argv as Yargs, InferredOptionTypes } from "yargs";
import { GOALS } from "#hive";
import type { OutputFormat } from "#report";
import type { HiveArguments } from "../options/hive-options.ts";
import { withHiveOptions } from "../options/hive-options.ts";
import { rolloutOptions } from "../options/rollout-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import { withSshOptions } from "../options/ssh-options.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** The options of `skep deploy` beside those of the hive. */
export const deployOptions = {
  ...rolloutOptions,
  parallel: { alias: "p", type: "number", requiresArg: true, description: "Hosts at one time" },
  "limit-evaluate": { type: "number", requiresArg: true, description: "Nix evaluations at one time" },
  "limit-build": { type: "number", requiresArg: true, description: "Builds at one time" },
  "limit-copy": { type: "number", requiresArg: true, description: "Copies at one time" },
  "limit-activate": { type: "number", requiresArg: true, description: "Activations at one time" },
  "steal-lease": {
    type: "boolean",
    default: false,
    description: "Take hosts over that another run holds; what it has under way there goes back first",
  },
  "lease-timeout": {
    type: "string",
    requiresArg: true,
    description: "How long to wait for hosts that another run holds, such as 5m; else they fail at once",
  },
  secrets: {
    type: "string",
    requiresArg: true,
    description: "The secrets file; else secrets/secrets.ts or secrets.nix beside the hive",
  },
  identity: {
    alias: "i",
    type: "string",
    array: true,
    requiresArg: true,
    description:
      "A private key file that opens what the operator opens; else SKEP_IDENTITY, else SSH's default keys and ~/.config/skep/identity.txt",
  },
  sandbox: {
    type: "boolean",
    default: false,
    description: "Deploy to a throw-away twin of each host on this machine, and to no real one",
  },
  plan: {
    type: "string",
    requiresArg: true,
    description: "Deploy what this file of skep plan --out says, and nothing else",
  },
  "max-age": {
    type: "string",
    default: "24h",
    requiresArg: true,
    description: "How old a plan may be",
  },
  "allowed-signers": {
    type: "string",
    requiresArg: true,
    description: "Deploy signed plans only: the file with who may sign, as in ssh-keygen(1)",
  },
  signer: {
    type: "string",
    array: true,
    requiresArg: true,
    description: "Who of the allowed signers must have signed the plan; any of them, when given several times",
  },
  output: {
    alias: "o",
    choices: ["auto", "tty", "lines", "github", "gitlab", "ndjson"] as const satisfies readonly OutputFormat[],
    default: "auto" as const,
    description: "How to tell what happens; ndjson goes to standard output, the others to standard error",
  },
  junit: { type: "string", requiresArg: true, description: "A file to write the run to as JUnit XML" },
  json: { type: "boolean", default: false, description: "The same as --output ndjson" },
  verbose: { alias: "v", type: "boolean", default: false, description: "Show what builders and activations print" },
  quiet: { alias: "q", type: "boolean", default: false, description: "Show errors and the result only" },
} as const;

/** What `skep deploy` is told. */
export type DeployArguments = HiveArguments & SshArguments & InferredOptionTypes<typeof deployOptions>;

/** `skep deploy [goal]`, and `skep build`, which is its goal `build`. What does the work is loaded when it is needed. */
export function addDeployCommand(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  parser.command(
    "deploy [goal]",
    "Bring hosts to the systems the hive gives them",
    (command) =>
      withDeployOptions(command)
        .positional("goal", {
          choices: GOALS,
          default: "switch" as const,
          description: "How far to go: see below",
        })
        .epilogue(GOALS_EXPLAINED)
        .epilogue(EXIT_CODES_OF_HOSTS)
        .example("skep deploy", "the whole fleet")
        .example('skep deploy --on "@web & !web-3"', "some of it")
        .example("skep deploy test --on web-1", "try a system until the next reboot")
        .example("skep deploy secrets --on @web", "new secrets for what runs already")
        .example("skep deploy build", "only build; prints HOST PATH")
        .example("skep deploy --sandbox", "try it: no real host is touched")
        .example("skep deploy --wave @canary --wave 10% --wave rest --soak 5m", "a few first, watched for a while")
        .example("skep deploy --plan plan.json", "exactly what skep plan --out plan.json showed")
        .example("skep deploy --json", "events for a machine"),
    async (args) => {
      const { deploy } = await import("./deploy.ts");
      finish(await deploy(args.goal, args, terminal));
    },
  );
  parser.command(
    "build",
    "Evaluate and build systems and print HOST PATH; the same as deploy build",
    (command) => withDeployOptions(command).example("skep build --on web-1", "one host's system"),
    async (args) => {
      const { deploy } = await import("./deploy.ts");
      finish(await deploy("build", args, terminal));
    },
  );
}

function withDeployOptions(parser: Yargs): Yargs<DeployArguments> {
  return withSshOptions(withHiveOptions(parser))
    .options(deployOptions)
    .group(Object.keys(rolloutOptions), "The rollout:")
    .group(["parallel", "limit-evaluate", "limit-build", "limit-copy", "limit-activate"], "How much at one time:")
    .group(["secrets", "identity"], "Secrets:")
    .group(["output", "json", "verbose", "quiet"], "What is told:");
}

const EXIT_CODES_OF_HOSTS = "The exit code is that of the worst host: see docs/errors.md";

const GOALS_EXPLAINED = `Goals, from least to most:
  build         evaluate and build, touch no host; prints HOST PATH
  push          also copy the closure to the host
  dry-activate  also let the host say what activating it would do
  secrets       install the secrets alone, and prove the host well with them
  test          copy, activate and prove it, without making it the default
  boot          make it what boots next, without activating it now
  switch        activate it, prove it well over a fresh login, make it the default`;
