import type { SecretsSource } from "../prepare/prepare-secrets.ts";
import type { SecretsMask } from "./mask-secrets.ts";

/** The same source, with a mask that learns what comes from it. */
export function maskSource(source: SecretsSource | undefined, mask: SecretsMask): SecretsSource | undefined {
  if (source === undefined) return undefined;
  return {
    async read(use, host) {
      const content = await source.read(use, host);
      mask.learn(content);
      return content;
    },
  };
}
