import type { Stanza } from "../../age/stanza.ts";
import { converse, OK, pluginFailed } from "./conversation.ts";
import type { PluginOptions } from "./options.ts";
import { visible } from "./visible.ts";

const FILE_KEY_LENGTH = 16;
const NUMBER = /^(0|[1-9][0-9]{0,8})$/;

/** What came of one file: its key, or why there is none; undefined when no identity was its reader. */
export type Unwrapped = Uint8Array | Error | undefined;

/**
 * Unwraps the file keys of these headers with these identities of a plugin, in one conversation (`identity-v1`).
 * @returns what came of each file, and what it said was wrong with none of them in particular.
 * @throws SecretsError `secrets/plugin` when it fails as a whole.
 */
export async function unwrapWithPlugin(
  program: string,
  {
    identities,
    headers,
    plugins,
  }: {
    readonly identities: readonly string[];
    readonly headers: readonly (readonly Stanza[])[];
    readonly plugins: PluginOptions;
  },
): Promise<{ readonly files: readonly Unwrapped[]; readonly failed: Error | undefined }> {
  const files: Unwrapped[] = headers.map(() => undefined);
  let failed: Error | undefined;
  await converse(program, {
    machine: "identity-v1",
    stanzas: [...identities.map(addIdentity), ...headers.flatMap(addFile)],
    expected: headers.length,
    plugins,
    answer({ args: [command, first = "", second], body }) {
      if (command === "file-key") {
        const index = indexOf(first, files.length);
        if (index === undefined || second !== undefined || body.length !== FILE_KEY_LENGTH) {
          throw pluginFailed(program, "the file key that it gives is malformed");
        }
        if (files[index] instanceof Uint8Array) throw pluginFailed(program, "it gives two keys for one file");
        files[index] = Buffer.from(body);
        return OK;
      }
      if (command !== "error") return undefined;
      const error = pluginFailed(program, `it says: ${visible(body)}`);
      const index = first === "stanza" ? indexOf(second ?? "", files.length) : undefined;
      if (index === undefined) failed ??= error;
      else files[index] ??= error;
      return OK;
    },
  });
  // What it says of an identity may be why it did not open a file.
  return { files: files.map((file) => file ?? failed), failed };
}

function addIdentity(identity: string): Stanza {
  return { args: ["add-identity", identity], body: new Uint8Array(0) };
}

function addFile(stanzas: readonly Stanza[], index: number): readonly Stanza[] {
  return stanzas.map(({ args, body }) => ({ args: ["recipient-stanza", String(index), ...args], body }));
}

/** The index of a file that was spoken of. */
export function indexOf(text: string, count: number): number | undefined {
  const index = NUMBER.test(text) ? Number(text) : count;
  return index < count ? index : undefined;
}
