import type { Stanza, WrappedByProgram } from "../../age/stanza.ts";
import { converse, OK, pluginFailed } from "./conversation.ts";
import type { PluginOptions } from "./options.ts";
import { indexOf } from "./unwrap.ts";
import { visible } from "./visible.ts";

/**
 * Wraps each of these file keys for each of these recipients of a plugin, in one conversation (`recipient-v1`).
 * @throws SecretsError `secrets/plugin`.
 */
export async function wrapWithPlugin(
  program: string,
  {
    recipients,
    fileKeys,
    plugins,
  }: {
    readonly recipients: readonly string[];
    readonly fileKeys: readonly Uint8Array[];
    readonly plugins?: PluginOptions | undefined;
  },
): Promise<WrappedByProgram> {
  const stanzas: Stanza[][] = fileKeys.map(() => []);
  let labels: readonly string[] | undefined;
  const errors: string[] = [];
  await converse(program, {
    machine: "recipient-v1",
    stanzas: [
      ...recipients.map((recipient) => command("add-recipient", { args: [recipient] })),
      ...fileKeys.map((body) => command("wrap-file-key", { body })),
      command("extension-labels"),
    ],
    expected: fileKeys.length * recipients.length,
    plugins,
    answer({ args: [name, ...args], body }) {
      if (name === "recipient-stanza") {
        const [number = "", ...of] = args;
        const file = stanzas[indexOf(number, stanzas.length) ?? -1];
        if (file === undefined || of.length === 0) throw pluginFailed(program, "the stanza that it gives is malformed");
        if (file.length === recipients.length) throw pluginFailed(program, "it gives more stanzas than recipients");
        file.push({ args: of, body });
        return OK;
      }
      if (name === "labels") {
        if (labels !== undefined) throw pluginFailed(program, "it gives its labels twice");
        labels = args;
        return OK;
      }
      if (name !== "error") return undefined;
      errors.push(visible(body));
      return OK;
    },
  });
  if (errors.length > 0) throw pluginFailed(program, `it says: ${errors.join("; ")}`);
  if (stanzas.some((file) => file.length === 0)) throw pluginFailed(program, "it gave nothing for a file");
  return { stanzas, labels: labels ?? [] };
}

function command(name: string, { args = [], body = new Uint8Array(0) }: Partial<Stanza> = {}): Stanza {
  return { args: [name, ...args], body };
}
