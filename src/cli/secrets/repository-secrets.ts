import type { Hive } from "#hive";
import type { Terminal } from "../terminal/terminal.ts";
import type { RulesArguments } from "./load-rules.ts";
import type { RepositorySecrets } from "./secrets-source.ts";

/** The secrets of a hive's repository, for a run. What reads and opens them is loaded when a host needs some. */
export async function repositorySecrets(
  hive: Hive,
  args: RulesArguments & { readonly identity?: readonly string[] | undefined },
  terminal: Terminal,
): Promise<RepositorySecrets & Disposable> {
  const { openSecretsSource } = await import("./secrets-source.ts");
  return openSecretsSource({
    repository: async () => {
      const { loadRepositoryFor } = await import("./load-rules.ts");
      return loadRepositoryFor(hive, args, terminal);
    },
    identities: async () => {
      const { loadIdentities } = await import("./load-identities.ts");
      return loadIdentities(args.identity, terminal);
    },
  });
}
