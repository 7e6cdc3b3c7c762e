import type { Argv as Yargs } from "yargs";
import yargs from "yargs";
import { addCheckCommand } from "./check/check-command.ts";
import { addCiCommand } from "./ci/ci-command.ts";
import { addCompletionCommand } from "./completion/completion-command.ts";
import { COMPLETE } from "./completion/scripts.ts";
import { addDeployCommand } from "./deploy/deploy-command.ts";
import type { CommandDescription } from "./describe-commands.ts";
import { describeCommands } from "./describe-commands.ts";
import { CliError } from "./errors.ts";
import { exitCodeOfError } from "./exit-codes.ts";
import { withHelpHint } from "./help-hint.ts";
import { addHostsCommand } from "./hive/hosts-command.ts";
import { suggestSelection } from "./hive/suggest-selection.ts";
import { addInitCommand } from "./init/init-command.ts";
import { commandOf, isSingleOption, knownWords, selectingCommands } from "./known-words.ts";
import { addExecCommand } from "./operations/exec-command.ts";
import { addHistoryCommand } from "./operations/history-command.ts";
import { addLeaseCommands } from "./operations/lease-command.ts";
import { addRollbackCommand } from "./operations/rollback-command.ts";
import { addStatusCommand } from "./operations/status-command.ts";
import { refuseDash, refuseEmpty, refuseOddTogether } from "./options/refuse-odd-options.ts";
import { addPlanCommand } from "./plan/plan-command.ts";
import { addReportCommand } from "./report/report-command.ts";
import { addRunsCommands } from "./runs/runs-command.ts";
import { addDemoCommand } from "./sandbox/demo-command.ts";
import { addSandboxCommand } from "./sandbox/sandbox-command.ts";
import { addSecretsCommand } from "./secrets/secrets-command.ts";
import { addSimulateCommand } from "./simulate/simulate-command.ts";
import { addStoreCommands } from "./store/store-command.ts";
import { printError } from "./terminal/print-error.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { usageError } from "./usage-error.ts";
import { version } from "./version.ts";

/** Parses the command line, does what it says, and returns the exit code. Never throws. */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    if (argv[0] === COMPLETE) return await answerShell(argv.slice(1), terminal);
    return await parseAndRun(argv, terminal);
  } catch (thrown) {
    const command = commandOf(describeSkep(terminal), argv)?.path ?? [];
    const error = withHelpHint(await suggestSelection(thrown, terminal), command);
    if (argv[0] === "ci") {
      const { endUnread } = await import("./ci/end-unread.ts");
      return await endUnread(error, argv, terminal);
    }
    await printError(error, terminal);
    return exitCodeOfError(error);
  }
}

async function answerShell(words: readonly string[], terminal: Terminal): Promise<number> {
  const { complete } = await import("./completion/complete.ts");
  await complete(words, { terminal, commands: describeSkep(terminal) });
  return 0;
}

async function parseAndRun(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number | undefined;
  const finish = (code: number): void => {
    exitCode = code;
  };
  const commands = (): readonly CommandDescription[] => describeSkep(terminal);
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
      joinRepeated(given, commands);
      refuseStrayWords(given);
      refuseEmpty(given, argv);
    }, true)
    .middleware(refuseOddTogether)
    .middleware(refuseDash)
    .strict()
    .demandCommand(1, "no command was given")
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message: string | null, error: Error | undefined) => {
      // An error of yargs' own is about the command line too; any other comes from a command.
      if (error !== undefined && error.name !== "YError") throw error;
      const words = { argv, knownWords: knownWords(commands(), argv), selecting: selectingCommands(commands()) };
      throw usageError(message ?? error?.message ?? "", words);
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
  addCiCommand(parser, terminal, finish);
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

/** What the commands say of themselves. */
function describeSkep(terminal: Terminal): readonly CommandDescription[] {
  return describeCommands((parser) => {
    addCommands(parser, terminal, () => undefined);
  });
}

/** `--on` may be given several times, and means any of them; no other option may but those that are lists. @throws CliError `cli/usage`. */
function joinRepeated(given: Record<string, unknown>, commands: () => readonly CommandDescription[]): void {
  for (const [name, value] of Object.entries(given)) {
    if (!Array.isArray(value) || !isSingleOption(name, commands())) continue;
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
