import { abortable, startDeadline } from "#core";
import type { Stanza } from "../../age/stanza.ts";
import { decodeBase64 } from "../../age/stanza.ts";
import type { PluginOptions, PromptContext } from "./options.ts";
import { DEFAULT_PLUGIN_TIMEOUT_MS } from "./options.ts";
import { visible } from "./visible.ts";

const FAIL: Stanza = { args: ["fail"], body: new Uint8Array(0) };

/**
 * The answer to what a plugin wants of the operator, `fail` where nobody can be asked or nobody answers in time;
 * undefined when the stanza is of another kind.
 */
export async function answerPrompt(
  stanza: Stanza,
  { program, plugins }: { readonly program: string; readonly plugins: PluginOptions },
): Promise<Stanza | undefined> {
  const { prompts, signal, timeoutMs = DEFAULT_PLUGIN_TIMEOUT_MS } = plugins;
  const [command = "", ...args] = stanza.args;
  if (!["msg", "confirm", "request-public", "request-secret"].includes(command)) return undefined;
  if (prompts === undefined) return FAIL;
  const text = visible(stanza.body);
  using deadline = startDeadline(timeoutMs, { signal, reason: () => new Error("nobody answered in time") });
  const context: PromptContext = { plugin: program, signal: deadline.signal };
  try {
    if (command === "msg") {
      prompts.show(text, context);
      return ok();
    }
    if (command === "confirm") {
      const choices = args.map((arg) => decodeBase64(arg)).map((choice) => choice && visible(choice));
      const [yes, no] = choices;
      if (yes === undefined || choices.includes(undefined) || choices.length > 2) return FAIL;
      const chosen = await abortable(prompts.confirm(text, { ...context, yes, no }), deadline.signal);
      return ok({ args: [chosen ? "yes" : "no"] });
    }
    const kind = command === "request-secret" ? "secret" : "public";
    const said = await abortable(prompts.ask(kind, text, context), deadline.signal);
    return ok({ body: Buffer.from(said.reveal(), "utf8") });
  } catch {
    signal?.throwIfAborted();
    return FAIL;
  }
}

function ok({ args = [], body = new Uint8Array(0) }: Partial<Stanza> = {}): Stanza {
  return { args: ["ok", ...args], body };
}
