import type { Goal, Hive, Host, RolloutPolicy } from "#hive";
import { needsHost } from "#hive";
import type { FleetPlan, RolloutReport, SecretsSource } from "#rollout";
import { isUnfinished, rollOut } from "#rollout";
import type { SandboxTwin } from "#sandbox";
import { sandboxTwin } from "#sandbox";
import { CliError } from "../errors.ts";
import type { ExitCode } from "../exit-codes.ts";
import { exitCodeOfTold } from "../exit-codes.ts";
import type { Selection } from "../options/hive-options.ts";
import { loadSelection } from "../options/hive-options.ts";
import type { LimitArguments } from "../options/limits-of.ts";
import { limitsOf } from "../options/limits-of.ts";
import { readSshOptions } from "../options/read-ssh-options.ts";
import { refuseIdleWaves } from "../options/refuse-idle-waves.ts";
import { refuseIdleOptions } from "../options/refuse-odd-options.ts";
import { reporterFormat } from "../options/reporter-format.ts";
import { policyOf, readDuration } from "../options/rollout-options.ts";
import type { SshArguments } from "../options/ssh-options.ts";
import { noticeOfSecrets, standInSource } from "../sandbox/stand-in-source.ts";
import type { RulesArguments } from "../secrets/load-rules.ts";
import { repositorySecrets } from "../secrets/repository-secrets.ts";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import { openReporter } from "../terminal/open-reporter.ts";
import type { Stream, Terminal } from "../terminal/terminal.ts";
import { confirmAt } from "./confirm-wave.ts";
import type { DeployArguments } from "./deploy-command.ts";

/** Deploys what the command line selects, shows it, and returns the exit code. */
export async function deploy(goal: Goal, args: DeployArguments, terminal: Terminal): Promise<number> {
  if (args.plan !== undefined) {
    const { loadPlanned, refuseOtherwise } = await import("../plan/load-planned.ts");
    refuseOtherwise(goal, args);
    const planned = await loadPlanned(goal, { ...args, plan: args.plan }, terminal);
    return (await carryOut(planned, args, terminal)).exitCode;
  }
  refusePlanOptions(args);
  refuseIdleOptions(goal, args);
  const selection = await loadSelection(args, terminal);
  const policy = policyOf(selection.hive, args, terminal);
  refuseIdleWaves(args.wave, { waves: policy.waves, ...selection });
  const wanted = { goal, selection, policy, reboot: args.reboot, saved: undefined };
  return (await carryOut(wanted, args, terminal)).exitCode;
}

/** What is to be done: what the command line says, or what was planned before. */
export interface Deployment {
  readonly goal: Goal;
  readonly selection: Selection;
  readonly policy: RolloutPolicy;
  readonly reboot: DeployArguments["reboot"];
  readonly saved: FleetPlan | undefined;
}

/** How it is done, and told. */
export type CarryOutArguments = SshArguments &
  LimitArguments &
  RulesArguments &
  Pick<
    DeployArguments,
    "output" | "json" | "junit" | "verbose" | "quiet" | "sandbox" | "steal-lease" | "lease-timeout"
  > & {
    /** A file for the run's page. */
    readonly html?: string | undefined;
  };

/** How a deployment ended, told in the end. */
export interface CarriedOut extends Pick<RolloutReport, "run"> {
  readonly exitCode: ExitCode;
}

/** Deploys and shows it. */
export async function carryOut(
  deployment: Deployment,
  args: CarryOutArguments,
  terminal: Terminal,
): Promise<CarriedOut> {
  const { goal, selection, policy, reboot, saved } = deployment;
  const limits = limitsOf(args);
  const leaseTimeoutMs = readDuration("lease-timeout", args["lease-timeout"]);
  const { hive } = selection;
  const { stderr } = terminal;
  await using reporter = openReporter(terminal, { ...args, format: reporterFormat(args, policy) });
  using interrupts = listenForInterrupts(({ leave }) => {
    reporter.handle({ at: Date.now(), type: "interrupted", leave });
  });
  await using stage = args.sandbox
    ? await openSandbox(selection.hosts, { signal: interrupts.stop, stderr })
    : undefined;
  const hosts = stage?.hosts ?? selection.hosts;
  if (stage !== undefined) {
    stderr.write("skep: notice: on sandbox twins with made-up secrets: no real host is touched\n");
    const notice = noticeOfSecrets(selection.hosts, stage.sandbox);
    if (notice !== undefined) stderr.write(`skep: notice: ${notice}\n`);
  }
  using secrets = hosts.some((host) => host.secrets.length > 0)
    ? await openSecrets({ hive: { ...hive, hosts: selection.hosts }, args, terminal, stage })
    : undefined;
  const report = await rollOut(hive, {
    goal,
    hosts,
    secrets,
    limits,
    policy,
    journal: stage === undefined && needsHost(goal),
    confirm: confirmAt(terminal),
    ssh: readSshOptions(args),
    stealLease: args["steal-lease"],
    leaseTimeoutMs,
    reboot,
    saved,
    onEvent: (event) => {
      reporter.handle(event);
    },
    stop: interrupts.stop,
    leave: interrupts.leave,
  });
  const exitCode = exitCodeOfTold(report, { unwritten: await reporter.finish() });
  if (isUnfinished(report) && stage === undefined && needsHost(goal)) {
    stderr.write(`skep: hint: skep resume ${report.run} goes on with this run\n`);
  }
  return { run: report.run, exitCode };
}

/** @throws CliError `cli/usage` for options that say how a plan is read, where none is. */
function refusePlanOptions(args: DeployArguments): void {
  const given = (["allowed-signers", "signer"] as const).find((name) => args[name] !== undefined);
  if (given === undefined) return;
  throw new CliError("cli/usage", `--${given} is for --plan`, { hint: "see skep deploy --help" });
}

/** The hosts' secrets; in a sandbox made-up ones, for it never sees a real one. */
async function openSecrets({
  hive,
  args,
  terminal,
  stage,
}: {
  readonly hive: Hive;
  readonly args: RulesArguments;
  readonly terminal: Terminal;
  readonly stage: SandboxTwin | undefined;
}): Promise<SecretsSource & Disposable> {
  if (stage !== undefined) return standInSource(stage.hosts, stage.sandbox);
  return repositorySecrets(hive, args, terminal);
}

/** Throw-away twins of the hosts that can have one. @throws CliError `cli/sandbox` when none can. */
function openSandbox(
  hosts: readonly Host[],
  { signal, stderr }: { readonly signal: AbortSignal; readonly stderr: Stream },
): Promise<SandboxTwin> {
  const native = hosts.filter(({ system }) => system.kind === "native");
  const others = hosts.filter((host) => !native.includes(host)).map(({ name }) => name);
  if (native.length > 0) {
    if (others.length > 0) stderr.write(`skep: notice: ${others.join(", ")}: no sandbox for systems made by Nix\n`);
    return sandboxTwin(native, { signal });
  }
  throw new CliError("cli/sandbox", "none of these hosts can have a sandbox: their systems are made by Nix", {
    hint: "a NixOS system needs a machine; systems made with system({ … }) can be tried here",
  });
}
