import type { CommandResult } from "#core";
import type { SandboxHost } from "#sandbox";
import type { Connection } from "#ssh";
import { connect } from "#ssh";

/** A connection to a sandbox host by its target alone, as skep makes it. */
export function logIn({ target }: SandboxHost, changes: { readonly user?: string } = {}): Promise<Connection> {
  const { host, port, user, identityFile, hostKey } = target;
  return connect(
    { host, port, user: changes.user ?? user, identityFiles: [identityFile], hostKeys: [hostKey] },
    { configFile: "none" },
  );
}

/** Runs a shell script on a connection; its arguments are `$1`, `$2`, … */
export function sh(connection: Connection, script: string, ...args: readonly string[]): Promise<CommandResult> {
  return connection.run(["sh", "-c", script, "sh", ...args], { timeoutMs: 20_000 });
}
