import { execFile } from "node:child_process";
import type { Clock } from "#core";
import { abortable, errnoOf, formatDuration, messageOf, startDeadline } from "#core";
import type { Gate, GateContext } from "#hive";

export interface AskGateOptions extends GateContext {
  readonly run: string;
  /** What a function's time is counted on. Default: the real one. */
  readonly clock?: Clock | undefined;
  /** Asks a person; undefined where there is none to ask. */
  readonly confirm: ((question: string, options: { readonly signal: AbortSignal }) => Promise<boolean>) | undefined;
}

/** Asks what stands before a wave. @returns why it must not begin; undefined when it may. */
export async function askGate(gate: Gate, options: AskGateOptions): Promise<string | undefined> {
  try {
    switch (gate.kind) {
      case "confirm":
        return await askPerson(options);
      case "function":
        return await askFunction(gate, options);
      case "command":
        return await askCommand(gate, options);
    }
  } catch (error) {
    options.signal.throwIfAborted();
    return `its gate failed: ${messageOf(error)}`;
  }
}

async function askPerson({ wave, hosts, confirm, signal }: AskGateOptions): Promise<string | undefined> {
  if (confirm === undefined) return "it wants to be confirmed, and there is nobody to ask";
  const count = hosts.length === 1 ? "1 host" : `${hosts.length} hosts`;
  const agreed = await confirm(
    `begin wave ${wave} (${count}: ${hosts.slice(0, 5).join(", ")}${hosts.length > 5 ? ", …" : ""})?`,
    { signal },
  );
  return agreed ? undefined : "the operator said no";
}

async function askFunction(
  { ask, timeoutMs }: Extract<Gate, { kind: "function" }>,
  { wave, hosts, events, signal, clock }: AskGateOptions,
): Promise<string | undefined> {
  using deadline = startDeadline(timeoutMs, {
    signal,
    clock,
    reason: () => new Error(`no answer within ${formatDuration(timeoutMs)}`),
  });
  const answer = await abortable(
    Promise.resolve(ask({ wave, hosts, events, signal: deadline.signal })),
    deadline.signal,
  );
  if (answer === undefined || answer === true) return undefined;
  return answer === false ? "its gate says no" : `its gate says: ${answer}`;
}

/** What the wave is goes in by the environment: the names of hosts may be many. */
function askCommand(
  { argv, timeoutMs }: Extract<Gate, { kind: "command" }>,
  { run, wave, hosts, signal }: AskGateOptions,
): Promise<string | undefined> {
  const [program, ...args] = argv;
  const env = { ...process.env, SKEP_RUN: run, SKEP_WAVE: wave, SKEP_HOSTS: hosts.join(" ") };
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { env, timeout: timeoutMs, signal, maxBuffer: 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) {
          resolve(undefined);
        } else if (errnoOf(error) !== undefined || signal.aborted) {
          reject(new Error(error.message, { cause: error }));
        } else if (child.exitCode === null) {
          reject(
            new Error(
              `${program} was ended by ${child.signalCode ?? "a signal"}, after ${formatDuration(timeoutMs)} at most`,
            ),
          );
        } else {
          const said = (stderr.trim() === "" ? stdout : stderr).trim().split("\n").at(-1) ?? "";
          resolve(`its gate ${program} ended with exit code ${child.exitCode}${said === "" ? "" : `: ${said}`}`);
        }
      },
    );
  });
}
