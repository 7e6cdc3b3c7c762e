import type { Clock } from "#core";
import type { Host, Target } from "#hive";
import type { Connection, ConnectOptions, SshTarget } from "#ssh";
import { connect, elevations, SshError } from "#ssh";

/** What the command line says about SSH, for every host of a run. */
export type SshOptions = Pick<ConnectOptions, "configFile" | "knownHostsFiles" | "files" | "hostKeyPolicy">;

export interface LogInOptions {
  readonly ssh: SshOptions;
  readonly signal: AbortSignal;
  readonly onNotice?: ((text: string) => void) | undefined;
}

/** One SSH login to a host of the hive. */
export function logIn(host: Host, { ssh, signal, onNotice }: LogInOptions): Promise<Connection> {
  return connect(sshTarget(host), { ...ssh, signal, onNotice });
}

const RETRY_AFTER_MS = 1_000;

/**
 * Logs in to a host that may be away for a while: tries again until it is back or the time is over.
 * @throws the last attempt's error.
 */
export async function logInAgain(
  host: Host,
  options: LogInOptions & { readonly withinMs: number; readonly clock: Clock; readonly logIn: typeof logIn },
): Promise<Connection> {
  const { withinMs, clock, signal, logIn: logInOnce } = options;
  const giveUpAt = clock.monotonic() + withinMs;
  for (;;) {
    try {
      return await logInOnce(host, options);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SshError) || clock.monotonic() + RETRY_AFTER_MS >= giveUpAt) throw error;
      await clock.sleep(RETRY_AFTER_MS, { signal });
    }
  }
}

function sshTarget(host: Host): SshTarget {
  const { identityFile, hostKey, ...target }: Target = host.target;
  return {
    ...target,
    identityFiles: identityFile === undefined ? undefined : [identityFile],
    hostKeys: hostKey === undefined ? undefined : [hostKey],
    elevation: elevations[host.elevation],
  };
}
