import { Redacted } from "#core";
import type { SecretsSource } from "#rollout";

/** Secrets that only the operator opens; all of them say so. */
export const operatorSecrets: SecretsSource = {
  read: () =>
    Promise.resolve({
      ...{ open: "operator", ciphertext: Buffer.from("sealed") },
      plaintext: new Redacted(Buffer.from("from the operator")),
    } as never),
};
