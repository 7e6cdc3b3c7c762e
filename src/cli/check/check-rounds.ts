import type { SkepErrorJson } from "#core";
import { messageOf, SkepError } from "#core";
import type { CheckResult } from "#health";
import { runChecks } from "#health";
import type { Host } from "#hive";
import type { SshOptions } from "#rollout";
import { checkedHost, logIn } from "#rollout";
import type { Connection } from "#ssh";

/** How one host is: what its checks say, or why they could not be asked. */
export type HostHealth =
  | { readonly host: Host; readonly results: readonly CheckResult[] }
  | { readonly host: Host; readonly error: SkepErrorJson };

export interface CheckRoundsOptions {
  readonly ssh: SshOptions;
  /** Hosts at one time. */
  readonly parallel: number;
  /** Whether checks that fail are tried until their deadlines. */
  readonly retry: boolean;
  /** Whether connections are for the next round, too. */
  readonly keepConnections: boolean;
  readonly signal: AbortSignal;
}

/** Checks the hosts, as often as it is asked to, with one login a host. Disposing it closes the connections. */
export interface CheckRounds extends AsyncDisposable {
  /**
   * Checks every host once. What fails on a host is its health, never thrown.
   * @param onHost is called as each host is done.
   */
  next(onHost?: (health: HostHealth) => void): Promise<readonly HostHealth[]>;
}

/** Whether all that was asked of a host is as it should be. */
export function isWell(health: HostHealth): boolean {
  return "results" in health && health.results.every(({ passed }) => passed);
}

export function openCheckRounds(hosts: readonly Host[], options: CheckRoundsOptions): CheckRounds {
  const { parallel, retry, keepConnections, signal, ssh } = options;
  const kept = new Map<Host, Login>();

  const healthOf = async (host: Host): Promise<HostHealth> => {
    if (host.checks.length === 0) return { host, results: [] };
    let login: Login | undefined;
    try {
      login = kept.get(host) ?? (await openLogin(host, { ssh, signal }));
      kept.set(host, login);
      const { connection } = login;
      const results = await runChecks(host.checks, {
        host: checkedHost(host, connection),
        retry,
        signal,
      });
      // The answers of checks over a connection that broke are about the connection.
      if (login.lost !== undefined) throw login.lost;
      return { host, results };
    } catch (error) {
      return { host, error: toJson(error, host.name) };
    } finally {
      if (login !== undefined && (!keepConnections || login.lost !== undefined)) {
        kept.delete(host);
        await login.connection[Symbol.asyncDispose]();
      }
    }
  };

  return {
    async next(onHost) {
      const healths: HostHealth[] = [];
      const waiting = hosts.entries();
      const work = async (): Promise<void> => {
        for (const [index, host] of waiting) {
          const health = await healthOf(host);
          healths[index] = health;
          if (!signal.aborted) onHost?.(health);
        }
      };
      await Promise.all(Array.from({ length: Math.min(parallel, hosts.length) }, work));
      return healths;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...kept.values()].map(({ connection }) => connection[Symbol.asyncDispose]()));
      kept.clear();
    },
  };
}

interface Login {
  readonly connection: Connection;
  /** Why the connection broke, once it did. */
  lost: Error | undefined;
}

async function openLogin(
  host: Host,
  options: { readonly ssh: SshOptions; readonly signal: AbortSignal },
): Promise<Login> {
  const connection = await logIn(host, options);
  const login: Login = { connection, lost: undefined };
  void connection.lost.then((error) => {
    login.lost = error;
  });
  return login;
}

function toJson(error: unknown, host: string): SkepErrorJson {
  if (error instanceof SkepError) return { ...error.toJSON(), host };
  return { code: "cli/internal", message: messageOf(error), host };
}
