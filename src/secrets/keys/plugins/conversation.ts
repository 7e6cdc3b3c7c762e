/**
 * A conversation with an age plugin (C2SP age-plugin): stanzas on its standard input and output. First we say everything
 * and `done`; then it leads: each of its stanzas is answered by one of ours, up to its `done`.
 */
import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { abortable, formatDuration, messageOf, startDeadline } from "#core";
import type { Stanza } from "../../age/stanza.ts";
import { formatStanza, StanzaReader } from "../../age/stanza-text.ts";
import { SecretsError } from "../../errors.ts";
import { findProgram } from "./find.ts";
import type { PluginOptions } from "./options.ts";
import { DEFAULT_PLUGIN_TIMEOUT_MS } from "./options.ts";
import { answerPrompt } from "./prompts.ts";
import { visible } from "./visible.ts";

export type StateMachine = "recipient-v1" | "identity-v1";

/** What is answered to a stanza; undefined when this is not the place that knows it. */
export type Answer = (stanza: Stanza) => Stanza | undefined;

export const OK: Stanza = { args: ["ok"], body: new Uint8Array(0) };
const UNSUPPORTED: Stanza = { args: ["unsupported"], body: new Uint8Array(0) };
const DONE: Stanza = { args: ["done"], body: new Uint8Array(0) };
/** Beyond what is expected: messages, prompts, grease. */
const MAX_CHATTER = 10_000;
const MAX_STDERR = 4096;
const GRACE_MS = 1_000;

/**
 * Holds one conversation, in a process of its own that is gone when this returns.
 * @param options.stanzas what is said first.
 * @param options.expected how many stanzas of it may come for the sake of files.
 * @param options.answer answers what belongs to this state machine; prompts and the rest are answered here.
 * @throws SecretsError `secrets/plugin` when it is not there, ends early, falls silent or says what makes no sense.
 */
export async function converse(
  program: string,
  {
    machine,
    stanzas,
    expected,
    answer,
    plugins = {},
  }: {
    readonly machine: StateMachine;
    readonly stanzas: readonly Stanza[];
    readonly expected: number;
    readonly answer: Answer;
    readonly plugins?: PluginOptions | undefined;
  },
): Promise<void> {
  await using plugin = await startPlugin(program, machine, plugins);
  plugin.say(...stanzas, DONE);
  const most = MAX_CHATTER + expected;
  for (let heard = 0; heard < most; heard += 1) {
    const stanza = await plugin.hear();
    if (stanza.args[0] === "done") return;
    plugin.say(answer(stanza) ?? (await answerPrompt(stanza, { program, plugins })) ?? UNSUPPORTED);
    if (stanza.args[0] === "msg") plugin.remember(visible(stanza.body));
  }
  throw pluginFailed(program, "it talks and talks, and does not come to an end");
}

/** An error of a plugin. */
export function pluginFailed(program: string, why: string, hint?: string): SecretsError {
  return new SecretsError("secrets/plugin", `cannot use ${program}: ${why}`, { hint });
}

interface RunningPlugin extends AsyncDisposable {
  say(...stanzas: readonly Stanza[]): void;
  hear(): Promise<Stanza>;
  /** Keeps what it last told the operator, for an error. */
  remember(message: string): void;
}

async function startPlugin(
  program: string,
  machine: StateMachine,
  { path = process.env.PATH ?? "", timeoutMs = DEFAULT_PLUGIN_TIMEOUT_MS, signal }: PluginOptions,
): Promise<RunningPlugin> {
  signal?.throwIfAborted();
  const file = await findProgram(program, path);
  if (file === undefined) {
    throw pluginFailed(program, "it is not on PATH", `install ${program}; only absolute folders of PATH are searched`);
  }
  // What it may make of its working directory must not be what lies in ours.
  const child = spawn(file, [`--age-plugin=${machine}`], { cwd: "/", stdio: ["pipe", "pipe", "pipe"] });
  const stderr = keepEnd(child.stderr);
  const heard = hearStanzas(child.stdout);
  let gone = "";
  child.on("error", (error) => (gone = `it cannot be started: ${messageOf(error)}`));
  child.stdin.on("error", () => undefined);
  let last: string | undefined;
  let isDone = false;
  const late = (): SecretsError => {
    const said = last === undefined ? "" : `; it last said: ${last}`;
    return pluginFailed(program, `it did not answer within ${formatDuration(timeoutMs)}${said}`);
  };
  return {
    say(...stanzas) {
      child.stdin.write(stanzas.map(formatStanza).join(""));
    },
    async hear() {
      using deadline = startDeadline(timeoutMs, { signal, reason: late });
      try {
        const { value, done } = await abortable(heard.next(), deadline.signal);
        if (done !== true) {
          isDone = value.args[0] === "done";
          return value;
        }
      } catch (error) {
        if (error instanceof RangeError) throw pluginFailed(program, `what it says is malformed: ${error.message}`);
        // Anything else is its output breaking off, which is told below.
        deadline.signal.throwIfAborted();
      }
      await abortable(ended(child), deadline.signal);
      const how = child.signalCode ?? `exit code ${child.exitCode ?? "unknown"}`;
      const said = stderr().trim();
      throw pluginFailed(program, gone || `it ended before it was done (${how})${said === "" ? "" : `: ${said}`}`);
    },
    remember(message) {
      last = message;
    },
    async [Symbol.asyncDispose]() {
      await endPlugin(child, { isDone });
    },
  };
}

/** Lets it end when it is done, else ends it, gently first. */
async function endPlugin(child: Child, { isDone }: { readonly isDone: boolean }): Promise<void> {
  child.stdin.end();
  if (!isDone) child.kill("SIGTERM");
  for (const signal of isDone ? (["SIGTERM", "SIGKILL"] as const) : (["SIGKILL"] as const)) {
    if (await endedWithin(child, GRACE_MS)) break;
    child.kill(signal);
  }
  await endedWithin(child, GRACE_MS);
  // A process of its own that it left behind may hold the other ends for ever.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

async function endedWithin(child: Child, ms: number): Promise<boolean> {
  using deadline = startDeadline(ms, { reason: () => new Error("not yet") });
  try {
    await abortable(ended(child), deadline.signal);
    return true;
  } catch {
    return false;
  }
}

async function ended(child: Child): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  await once(child, "exit");
}

async function* hearStanzas(stdout: Readable): AsyncGenerator<Stanza, undefined, undefined> {
  const reader = new StanzaReader();
  for await (const chunk of stdout as AsyncIterable<Buffer>) yield* reader.push(chunk);
  return undefined;
}

/** The end of what it says on standard error, as text that does nothing to a terminal. */
function keepEnd(stderr: Readable): () => string {
  let kept = Buffer.alloc(0);
  stderr.on("data", (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-MAX_STDERR);
  });
  return () => visible(kept);
}
