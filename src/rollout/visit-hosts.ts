import pLimit from "p-limit";
import type { HostAccess } from "#activation";
import type { SkepErrorJson } from "#core";
import type { Host, HostName } from "#hive";
import type { Connection } from "#ssh";
import { accessTo } from "./host/activation-scene.ts";
import type { SshOptions } from "./host/log-in.ts";
import { logIn } from "./host/log-in.ts";
import { toErrorJson } from "./to-error-json.ts";

/** What a visit to one host brought: what was asked for, or why it could not be had. */
export type Visit<T> =
  { readonly host: Host; readonly result: T } | { readonly host: Host; readonly error: SkepErrorJson };

/** What a visit to one host has in hand. */
export interface VisitOptions {
  readonly host: Host;
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

export interface VisitHostsOptions<T> {
  readonly ssh: SshOptions;
  /** Hosts at one time. */
  readonly parallel: number;
  readonly signal: AbortSignal;
  readonly visit: (access: HostAccess, options: VisitOptions) => Promise<T>;
  /** Connections that are kept for further visits, and closed by whoever made this; those that failed are not. */
  readonly kept?: Map<HostName, Connection> | undefined;
  /** Called as each host is done. */
  readonly onVisit?: ((visit: Visit<T>) => void) | undefined;
}

/** Logs in to hosts and does one thing on each. What fails on a host is its visit, never thrown. */
export function visitHosts<T>(hosts: readonly Host[], options: VisitHostsOptions<T>): Promise<readonly Visit<T>[]> {
  const { ssh, parallel, signal, visit, kept, onVisit } = options;
  const limit = pLimit(parallel);
  const visitOne = async (host: Host): Promise<Visit<T>> => {
    let connection: Connection | undefined;
    let isToBeKept = false;
    try {
      connection = kept?.get(host.name) ?? (await logIn(host, { ssh, signal }));
      const result = await visit(accessTo(host, connection), { host, connection, signal });
      isToBeKept = kept !== undefined;
      kept?.set(host.name, connection);
      return { host, result };
    } catch (error) {
      kept?.delete(host.name);
      return { host, error: toErrorJson(error, host.name) };
    } finally {
      if (!isToBeKept) await connection?.[Symbol.asyncDispose]();
    }
  };
  return Promise.all(
    hosts.map((host) =>
      limit(async () => {
        const visited = await visitOne(host);
        onVisit?.(visited);
        return visited;
      }),
    ),
  );
}
