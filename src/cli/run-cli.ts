import type { Argv as Yargs } from "yargs";
import yargs from "yargs";
import { addCheckCommand, healthOptions } from "./check-command.ts";
import { addDemoCommand } from "./demo-command.ts";
import { addDeployCommand, deployOptions } from "./deploy-command.ts";
import { addCompletionCommand } from "./completion-command.ts";
import { COMPLETE } from "./completion/scripts.ts";
import { CliError } from "./errors.ts";
import { exitCodeOfError } from "./exit-codes.ts";
import { hiveOptions } from "./hive-options.ts";
import { addHostsCommand } from "./hosts-command.ts";
import { addExecCommand, execOptions } from "./operations/exec-command.ts";
import { addHistoryCommand, historyOptions } from "./operations/history-command.ts";
import { addLeaseCommands, leaseBreakOptions, leaseOptions } from "./operations/lease-command.ts";
import { addRollbackCommand, rollbackOptions } from "./operations/rollback-command.ts";
import { addStatusCommand, statusOptions } from "./operations/status-command.ts";
import { addPlanCommand, planOptions } from "./plan-command.ts";
import { addInitCommand } from "./init-command.ts";
import { printError } from "./print-error.ts";
import { refuseOddTogether } from "./refuse-odd-options.ts";
import { addReportCommand, reportOptions } from "./report-command.ts";
import { addRunsCommands, resumeOptions } from "./runs-command.ts";
import { addSandboxCommand, sandboxOptions } from "./sandbox-command.ts";
import {
  addSecretsCommand,
  checkOptions,
  generateOptions,
  identityOptions,
  onHostsOptions,
  rekeyOptions,
  secretsOptions,
} from "./secrets-command.ts";
import { addSimulateCommand, simulateOptions } from "./simulate-command.ts";
import { sshOptions } from "./ssh-options.ts";
import { addStoreCommands, gcOptions } from "./store-command.ts";
import { suggestSelection } from "./suggest-selection.ts";
import type { Terminal } from "./terminal.ts";
import { usageError } from "./usage-error.ts";
import { version } from "./version.ts";

/** Parses the command line, does what it says, and returns the exit code. Never throws. */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    if (argv[0] === COMPLETE) return await answerShell(argv.slice(1), terminal);
    return await parseAndRun(argv, terminal);
  } catch (thrown) {
    const error = await suggestSelection(thrown, terminal);
    await printError(error, terminal);
    return exitCodeOfError(error);
  }
}

async function answerShell(words: readonly string[], terminal: Terminal): Promise<number> {
  const { complete } = await import("./completion/complete.ts");
  const add = (parser: Yargs): void => {
    addCommands(parser, terminal, () => undefined);
  };
  await complete(words, { terminal, add });
  return 0;
}

async function parseAndRun(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number | undefined;
  const finish = (code: number): void => {
    exitCode = code;
  };
  const parser = yargs()
    .scriptName("skep")
    // `--wave @canary test`: the goal is no wave.
    .parserConfiguration({ "greedy-arrays": false, "populate--": true })
    .usage("$0 <command>\n\nDeploys a fleet of Linux hosts from one typed hive file: test, prove, commit.")
    .version(version)
    .alias({ h: "help", V: "version" })
    .epilogue("Every command explains itself: skep deploy --help")
    .wrap(Math.min(terminal.stdout.columns ?? 100, 100))
    .middleware((given) => {
      joinRepeated(given);
      refuseStrayWords(given);
    }, true)
    .middleware(refuseOddTogether)
    .strict()
    .demandCommand(1, "no command was given")
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message: string | null, error: Error | undefined) => {
      // An error of yargs' own is about the command line too; any other comes from a command.
      if (error !== undefined && error.name !== "YError") throw error;
      throw usageError(message ?? error?.message ?? "", { argv, knownWords: KNOWN_WORDS, selecting: SELECTING });
    });
  addCommands(parser, terminal, finish);
  await parser.parseAsync([...argv], {}, (_error, _parsed, output) => {
    // What yargs prints itself is what was asked for: help, the version, a completion script.
    if (output !== "") terminal.stdout.write(`${output}\n`);
  });
  return exitCode ?? 0;
}

/** Defines every command of skep. */
export function addCommands(parser: Yargs, terminal: Terminal, finish: (exitCode: number) => void): void {
  addPlanCommand(parser, terminal, finish);
  addDeployCommand(parser, terminal, finish);
  addHostsCommand(parser, terminal, finish);
  addCheckCommand(parser, terminal, finish);
  addRunsCommands(parser, terminal, finish);
  addReportCommand(parser, terminal, finish);
  addStatusCommand(parser, terminal, finish);
  addHistoryCommand(parser, terminal, finish);
  addRollbackCommand(parser, terminal, finish);
  addExecCommand(parser, terminal, finish);
  addLeaseCommands(parser, terminal, finish);
  addSecretsCommand(parser, terminal, finish);
  addStoreCommands(parser, terminal, finish);
  addDemoCommand(parser, terminal, finish);
  addSandboxCommand(parser, terminal, finish);
  addSimulateCommand(parser, terminal, finish);
  addInitCommand(parser, terminal, finish);
  addCompletionCommand(parser, terminal, finish);
}

/** `--on` may be given several times, and means any of them; no other option may but those that are lists. @throws CliError `cli/usage`. */
function joinRepeated(given: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(given)) {
    if (!Array.isArray(value) || !SINGLE_OPTIONS.has(name)) continue;
    if (name !== "on")
      throw new CliError("cli/usage", `--${name} was given ${value.length} times`, { hint: "give it once" });
    given[name] = value.map((part) => `(${String(part)})`).join(", ");
  }
}

/** Only a command for hosts stands behind two dashes. @throws CliError `cli/usage`. */
function refuseStrayWords(given: Readonly<Record<string, unknown>>): void {
  const [command] = Array.isArray(given._) ? (given._ as unknown[]) : [];
  if (command === "exec" || !Array.isArray(given["--"]) || given["--"].length === 0) return;
  throw new CliError("cli/usage", `unknown argument: ${given["--"].map(String).join(", ")}`, {
    hint: "only skep exec takes words behind two dashes",
  });
}

const operationsOptions = {
  ...statusOptions,
  ...historyOptions,
  ...rollbackOptions,
  ...execOptions,
  ...leaseOptions,
  ...leaseBreakOptions,
};

const SINGLE_OPTIONS = new Set(
  Object.entries({
    ...hiveOptions,
    ...deployOptions,
    ...planOptions,
    ...sshOptions,
    ...gcOptions,
    ...sandboxOptions,
    ...healthOptions,
    ...resumeOptions,
    ...reportOptions,
    ...simulateOptions,
    ...operationsOptions,
  }).flatMap(([name, option]) => ("array" in option ? [] : [name])),
);

/** The commands whose hosts `--on` selects. */
const SELECTING = [
  ...["deploy", "build", "hosts", "check", "gc", "store", "simulate"],
  ...["status", "history", "rollback", "exec", "lease"],
];

const KNOWN_WORDS = [
  ...[
    "deploy",
    "build",
    "hosts",
    "check",
    "gc",
    "store",
    "verify",
    "demo",
    "sandbox",
    "simulate",
    "completion",
    "help",
    "version",
  ],
  ...["runs", "resume", "report", "plan"],
  ...Object.keys(reportOptions),
  ...["status", "history", "rollback", "exec", "lease", "ls", "break"],
  ...Object.keys(operationsOptions),
  ...Object.keys(planOptions),
  ...Object.keys(resumeOptions),
  ...Object.keys(hiveOptions),
  ...Object.keys(deployOptions),
  ...Object.keys(sshOptions),
  ...Object.keys(gcOptions),
  ...Object.keys(healthOptions),
  ...Object.keys(sandboxOptions),
  ...Object.keys(simulateOptions),
  ...["secrets", "rekey", "status", "ls", "check", "view", "edit", "add", "rotate", "generate"],
  ...Object.keys({
    ...secretsOptions,
    ...identityOptions,
    ...rekeyOptions,
    ...generateOptions,
    ...onHostsOptions,
    ...checkOptions,
  }),
];
