import { constants } from "node:os";
import type { Argv } from "#core";
import { formatDuration, parseDuration } from "#core";
import { MAX_DURATION_MS } from "#hive";
import { createPaint, useColors } from "#report";
import type { ExecEnding } from "#rollout";
import { execOnHosts } from "#rollout";
import { CliError } from "../errors.ts";
import { loadSelection } from "../options/hive-options.ts";
import { refuseOddParallel } from "../options/parallel.ts";
import { readSshOptions } from "../options/read-ssh-options.ts";
import { printHostError } from "../secrets/print-host-error.ts";
import { listenForInterrupts } from "../terminal/interrupts.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { untilUnread } from "../terminal/terminal.ts";
import { collectOutput } from "./collect-output.ts";
import type { ExecArguments } from "./exec-command.ts";
import { prefixOutput } from "./prefix-output.ts";
import { refuseUnselected } from "./refuse-unselected.ts";

const HINT = "see skep exec --help";

/** Runs a command on the selected hosts. Exit code 5 when it did not end with 0 on every one. */
export async function exec(
  args: ExecArguments,
  { words, terminal }: { readonly words: readonly string[]; readonly terminal: Terminal },
): Promise<number> {
  const argv = argvOf(words);
  const timeoutMs = readTimeout(args.timeout);
  refuseOddParallel(args.parallel, { hint: HINT });
  refuseUnselected(args.on, { command: "exec" });
  const { hive, hosts } = await loadSelection(args, terminal);
  const { stderr } = terminal;
  using interrupts = listenForInterrupts(({ leave }) => {
    stderr.write(leave ? "skep: leaving what does not end\n" : "skep: ending the command on the hosts\n");
  });
  const output = args.json ? collectOutput(terminal) : prefixOutput(hosts, terminal);
  const endings = await execOnHosts(hosts, {
    ...{ argv, timeoutMs, elevated: args.sudo, ssh: readSshOptions(args) },
    parallel: args.parallel ?? hive.limits.parallel,
    stop: untilUnread(interrupts.stop, terminal),
    leave: interrupts.leave,
    onOutput: (host, piece) => output.take(host, piece),
    onEnd: (ending) => output.end(ending),
  });
  const isUnread = terminal.stdoutGone?.aborted === true && !interrupts.stop.aborted;
  // Who reads no further (`skep exec … | head`) has ended the command, and knows.
  const told = isUnread ? endings.filter(({ ended }) => ended !== "interrupted") : endings;
  await tellEndings(told, { timeoutMs, terminal });
  if (interrupts.stop.aborted) return 130;
  return told.every(isWell) ? 0 : 5;
}

function isWell(ending: ExecEnding): boolean {
  return ending.ended === "exited" && ending.exitCode === 0;
}

async function tellEndings(
  endings: readonly ExecEnding[],
  { timeoutMs, terminal }: { readonly timeoutMs: number | undefined; readonly terminal: Terminal },
): Promise<void> {
  const { stderr, env } = terminal;
  const paint = createPaint(useColors(stderr, env));
  for (const ending of endings) {
    if (isWell(ending)) continue;
    const { name } = ending.host;
    if ("error" in ending) await printHostError({ ...ending.error, host: name }, terminal);
    else stderr.write(`skep: ${paint("red", "error")}: ${name}: ${describeEnding(ending, timeoutMs)}\n`);
  }
  if (endings.length < 2) return;
  const counts = new Map<string, number>();
  for (const ending of endings) counts.set(wordOf(ending), (counts.get(wordOf(ending)) ?? 0) + 1);
  const told = [...counts].map(([word, count]) => `${count} ${word}`).join(", ");
  stderr.write(`skep: ${endings.length} hosts: ${told}\n`);
}

/** What a host is counted under. */
function wordOf(ending: ExecEnding): string {
  switch (ending.ended) {
    case "exited":
      return ending.exitCode === 0 ? "ok" : `exit code ${ending.exitCode}`;
    case "killed":
      return `killed by ${ending.signal}`;
    case "timeout":
      return "timed out";
    case "interrupted":
      return "interrupted";
    case "not-reached":
      return "not reached";
    case "lost":
      return "lost";
  }
}

function describeEnding(ending: Exclude<ExecEnding, { readonly error: unknown }>, timeoutMs = 0): string {
  switch (ending.ended) {
    case "exited":
      return `the command ended with exit code ${ending.exitCode}${meaningOf(ending.exitCode)}`;
    case "killed":
      return `the command was killed by the signal ${ending.signal}`;
    case "timeout":
      return `the command did not end within ${formatDuration(timeoutMs)}, and was ended`;
    case "interrupted":
      return ending.durationMs === 0 ? "the command was not begun" : "the command was ended";
  }
}

/** What shells mean by some exit codes. */
function meaningOf(exitCode: number): string {
  if (exitCode === 127) return " (was it found?)";
  const signal = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0];
  return signal === undefined ? "" : ` (a shell's word for the signal ${signal.replace(/^SIG/, "")})`;
}

/** @throws CliError `cli/usage` when no command was given. */
function argvOf([program, ...rest]: readonly string[]): Argv {
  if (program !== undefined && program !== "") return [program, ...rest];
  throw new CliError("cli/usage", "no command was given", {
    hint: "it stands behind two dashes: skep exec --on web-1 -- uptime",
  });
}

/** @throws CliError `cli/usage`. */
function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0 && ms <= MAX_DURATION_MS) return ms;
  throw new CliError("cli/usage", `--timeout takes a duration up to 24h, such as 30s, not "${text}"`, { hint: HINT });
}
