import { join, resolve } from "node:path";
import { chooseFormat, planJunit, planMarkdown, planText, withoutGithubCommands } from "#report";
import { formatPlan, hasChanges, incompleteError } from "#rollout";
import { carryOut } from "../deploy/deploy.ts";
import { CliError } from "../errors.ts";
import { exitCodeOfError, exitCodeOfPlan } from "../exit-codes.ts";
import { withHelpHint } from "../help-hint.ts";
import { loadSelection } from "../options/hive-options.ts";
import { loadPlanned, refuseOtherwise } from "../plan/load-planned.ts";
import { makePlan } from "../plan/plan.ts";
import { fileIn } from "../terminal/file-in.ts";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { afterwards, writeOutput } from "../terminal/write-output.ts";
import { ARTIFACTS, openArtifacts } from "./artifacts.ts";
import { checkSecrets } from "./check-secrets.ts";
import type { CiArguments } from "./ci-command.ts";
import { stoppedError, unlessStopped } from "./stop.ts";
import { appendSummary, tellError, tellOutputs } from "./tell-step.ts";

/** What a pipeline is told of a step, as `GITHUB_OUTPUT` takes it. */
interface Outputs {
  changes?: boolean;
  plan?: string;
  run?: string;
}

/**
 * Checks, plans and with `--deploy` deploys, for a pipeline: nobody is asked anything. Returns the exit code. However it ends,
 * the pipeline is told: what went wrong, and the outputs.
 */
export async function ci(args: CiArguments, console: Terminal): Promise<number> {
  const terminal: Terminal = { ...console, stdin: undefined };
  const outputs: Outputs = {};
  using interrupts = listenForInterrupts(() => undefined);
  let folder: string | undefined;
  let exitCode: number;
  try {
    const plan = fileIn(terminal.cwd, args.plan);
    folder = await openArtifacts(resolve(terminal.cwd, args.artifacts), { plan });
    refuseContradictions(args);
    exitCode = await work({ ...args, plan }, { terminal, folder, outputs, stop: interrupts.stop });
  } catch (thrown) {
    const error = withHelpHint(thrown, ["ci"]);
    exitCode = exitCodeOfError(error);
    await tellError(error, { terminal, output: args.output, folder });
  }
  return await afterwards(exitCode, terminal, () => tellOutputs({ ...outputs, "exit-code": exitCode }, terminal));
}

interface Job {
  readonly terminal: Terminal;
  /** Where the artifacts go, absolute. */
  readonly folder: string;
  readonly outputs: Outputs;
  /** Aborts at the first signal. Planning and deploying listen for themselves, too, for they end in order. */
  readonly stop: AbortSignal;
}

async function work(args: CiArguments, job: Job): Promise<number> {
  const { terminal, outputs, stop } = job;
  say("checking the secrets", { args, terminal });
  await unlessStopped(checkSecrets(args, terminal), { what: "checking the secrets", stop });
  if (args.plan === undefined) {
    say("planning", { args, terminal });
    const planned = await planIt(args, job);
    if (planned !== 10 || !args.deploy) return planned === 10 && !args["exit-code"] ? 0 : planned;
  }
  const file = args.plan ?? join(job.folder, ARTIFACTS.plan);
  outputs.plan = file;
  say(`deploying ${file}`, { args, terminal });
  return deployIt(file, args, job);
}

/** @returns the exit code of a plan, which is kept with the artifacts. */
async function planIt(args: CiArguments, job: Job): Promise<number> {
  const { terminal, folder, outputs, stop } = job;
  const { stdout, stderr, env } = terminal;
  const what = "planning";
  const selection = await unlessStopped(loadSelection(args, terminal), { what, stop });
  const plan = await makePlan("switch", selection, { ...args, confirm: false, keep: true }, terminal);
  if (plan === undefined) throw stoppedError(what);
  const file = join(folder, ARTIFACTS.plan);
  const markdown = planMarkdown(plan);
  await writeOutput(file, formatPlan(plan), { what: "the plan" });
  await writeOutput(join(folder, ARTIFACTS.markdown), markdown, { what: "the plan" });
  const text = planText(plan, { colors: false, columns: COLUMNS });
  stdout.write(chooseFormat(args.output, stderr, env) === "github" ? withoutGithubCommands(text) : text);
  await appendSummary(markdown, terminal);
  outputs.changes = hasChanges(plan);
  outputs.plan = file;
  const incomplete = incompleteError(plan, { command: "skep ci --deploy" });
  if (incomplete !== undefined) {
    const reason = args.deploy ? "the plan is incomplete, so nothing was deployed" : "it was only planned";
    // Where a merge request looks for hosts that failed.
    await writeOutput(join(folder, ARTIFACTS.junit), planJunit(plan, { reason }), { what: "the plan" });
    // The exit code stays the plan's, which tells hosts from evaluation and secrets.
    if (args.deploy) await tellError(incomplete, { terminal, output: args.output, folder });
  }
  return exitCodeOfPlan(plan);
}

const COLUMNS = 120;

async function deployIt(plan: string, args: CiArguments, { terminal, folder, outputs, stop }: Job): Promise<number> {
  const planned = await unlessStopped(loadPlanned("switch", { ...args, plan }, terminal), {
    what: "reading the plan",
    stop,
  });
  const { saved } = planned;
  if (args.plan !== undefined && saved !== undefined) {
    outputs.changes = hasChanges(saved);
    await writeOutput(join(folder, ARTIFACTS.markdown), planMarkdown(saved), { what: "the plan" });
  }
  const reports = { junit: join(folder, ARTIFACTS.junit), html: join(folder, ARTIFACTS.page) };
  const how = { ...args, ...reports, json: false, sandbox: false, "steal-lease": false };
  const { run, exitCode } = await carryOut(planned, how, terminal);
  outputs.run = run;
  return exitCode;
}

function say(what: string, { args, terminal }: { readonly args: CiArguments; readonly terminal: Terminal }): void {
  if (!args.quiet) terminal.stderr.write(`skep: ${what}\n`);
}

/** @throws CliError `cli/usage`. */
function refuseContradictions(args: CiArguments): void {
  const { plan } = args;
  const idle = (["plan", "allowed-signers", "signer"] as const).find((name) => args[name] !== undefined);
  if (!args.deploy && idle !== undefined) {
    throw new CliError("cli/usage", `--${idle} is for --deploy`);
  }
  if (args.deploy && args["exit-code"]) {
    throw new CliError("cli/usage", "--exit-code tells of changes that are not deployed", {
      hint: "leave it or --deploy out",
    });
  }
  if (plan === undefined && (args["allowed-signers"] ?? args.signer) !== undefined) {
    throw new CliError("cli/usage", "a plan that is made here is signed by nobody", {
      hint: "name the plan that was reviewed and signed with --plan",
    });
  }
  if (plan !== undefined) refuseOtherwise("switch", args);
}
