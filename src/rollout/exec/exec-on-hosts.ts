import type { Argv, CommandChannel, CommandExit, CommandRunner, SkepErrorJson } from "#core";
import { systemClock } from "#core";
import type { Host } from "#hive";
import { SshError } from "#ssh";
import type { SshOptions } from "../host/log-in.ts";
import { toErrorJson } from "../to-error-json.ts";
import { visitHosts } from "../visit-hosts.ts";
import { END, watchedCommand } from "./watched-command.ts";

/**
 * How a command ended on one host:
 * - `exited`: by itself, with an exit code
 * - `killed`: by a signal that was not ours
 * - `timeout`, `interrupted`: it was ended by us, because its time was over or the operator asked for it
 * - `not-reached`: it was not begun
 * - `lost`: it was begun, and nobody could see how it ended
 */
export type ExecEnding = { readonly host: Host; readonly durationMs: number } & (
  | { readonly ended: "exited"; readonly exitCode: number }
  | { readonly ended: "killed"; readonly signal: string }
  | { readonly ended: "timeout" | "interrupted" }
  | { readonly ended: "not-reached" | "lost"; readonly error: SkepErrorJson }
);

export interface ExecOptions {
  readonly argv: Argv;
  /** Whether to run it as root, by the hosts' elevation. */
  readonly elevated: boolean;
  readonly ssh: SshOptions;
  /** Hosts at one time. */
  readonly parallel: number;
  /** For the command on one host, the login apart; undefined: as long as it takes. */
  readonly timeoutMs?: number | undefined;
  /** Aborts when commands under way are to be ended, and no other is to be begun. */
  readonly stop: AbortSignal;
  /** Aborts when what does not end is to be left. */
  readonly leave: AbortSignal;
  /** Takes what a command prints, as it comes: no more is read before it is done. */
  readonly onOutput: (host: Host, output: ExecOutput) => Promise<void>;
  /** Called as the command is over on each host. */
  readonly onEnd: (ending: ExecEnding) => Promise<void>;
}

/** A piece of what a command prints. */
export interface ExecOutput {
  readonly stream: "stdout" | "stderr";
  readonly chunk: Buffer;
}

/** How long a command may take to end once it was asked to. */
const GRACE_MS = 8_000;

/** Runs a command on hosts, with one login each. What fails on a host is its ending, never thrown. */
export async function execOnHosts(hosts: readonly Host[], options: ExecOptions): Promise<readonly ExecEnding[]> {
  const { ssh, parallel, stop, elevated, onEnd } = options;
  const endings = new Map<Host, ExecEnding>();
  const told: Promise<void>[] = [];
  const end = (ending: ExecEnding): void => {
    endings.set(ending.host, ending);
    told.push(onEnd(ending));
  };
  await visitHosts(hosts, {
    ...{ ssh, parallel },
    signal: stop,
    visit: (_access, { host, connection }) => exec(elevated ? connection.elevated : connection, { host, options }),
    onVisit(visit) {
      if ("result" in visit) end(visit.result);
      else if (stop.aborted) end({ host: visit.host, durationMs: 0, ended: "interrupted" });
      else end({ host: visit.host, durationMs: 0, ended: "not-reached", error: visit.error });
    },
  });
  await Promise.all(told);
  return hosts.flatMap((host) => endings.get(host) ?? []);
}

async function exec(
  runner: CommandRunner,
  { host, options }: { readonly host: Host; readonly options: ExecOptions },
): Promise<ExecEnding> {
  const { argv, timeoutMs, stop, leave, onOutput } = options;
  const startedAt = systemClock.monotonic();
  await using channel = await runner.open(watchedCommand(argv), { signal: leave });
  using patience = limitPatience(channel, { timeoutMs, stop });
  const carry = async (stream: ExecOutput["stream"]): Promise<void> => {
    // Output of a command that was given up breaks off.
    for await (const chunk of channel[stream]) await onOutput(host, { stream, chunk: chunk as Buffer });
  };
  const carried = Promise.allSettled([carry("stdout"), carry("stderr")]);
  let exit: CommandExit | undefined;
  let failure: unknown;
  try {
    exit = await channel.exited;
  } catch (error) {
    failure = error;
  }
  await carried;
  const base = { host, durationMs: systemClock.monotonic() - startedAt };
  if (patience.over !== undefined) return { ...base, ended: patience.over };
  if (exit !== undefined) {
    return exit.exitCode === null
      ? { ...base, ended: "killed", signal: exit.signal }
      : { ...base, ended: "exited", exitCode: exit.exitCode };
  }
  if (leave.aborted) return { ...base, ended: "interrupted" };
  const isRefused = failure instanceof SshError && failure.code === "ssh/elevation";
  return { ...base, ended: isRefused ? "not-reached" : "lost", error: toErrorJson(failure, host.name) };
}

/** Ends a command when its time is over or the operator stops it: asks it first, and gives it up when it does not end. */
function limitPatience(
  channel: CommandChannel,
  { timeoutMs, stop }: Pick<ExecOptions, "timeoutMs" | "stop">,
): Disposable & { readonly over: "timeout" | "interrupted" | undefined } {
  let over: "timeout" | "interrupted" | undefined;
  const timers: NodeJS.Timeout[] = [];
  const end = (why: "timeout" | "interrupted"): void => {
    if (over !== undefined) return;
    over = why;
    channel.stdin.end(END);
    timers.push(setTimeout(() => void channel[Symbol.asyncDispose](), GRACE_MS));
  };
  const interrupt = (): void => {
    end("interrupted");
  };
  if (timeoutMs !== undefined) timers.push(setTimeout(end, timeoutMs, "timeout"));
  if (stop.aborted) interrupt();
  else stop.addEventListener("abort", interrupt, { once: true });
  return {
    get over() {
      return over;
    },
    [Symbol.dispose]() {
      stop.removeEventListener("abort", interrupt);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
