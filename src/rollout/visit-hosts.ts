import pLimit from "p-limit";
import type { HostAccess } from "#activation";
import type { SkepErrorJson } from "#core";
import type { Host } from "#hive";
import { accessTo } from "./host/activation-scene.ts";
import type { SshOptions } from "./host/log-in.ts";
import { logIn } from "./host/log-in.ts";
import { toErrorJson } from "./to-error-json.ts";

/** What a visit to one host brought: what was asked for, or why it could not be had. */
export type Visit<T> =
  { readonly host: Host; readonly result: T } | { readonly host: Host; readonly error: SkepErrorJson };

export interface VisitHostsOptions<T> {
  readonly ssh: SshOptions;
  /** Hosts at one time. */
  readonly parallel: number;
  readonly signal: AbortSignal;
  readonly visit: (access: HostAccess, options: { readonly host: Host; readonly signal: AbortSignal }) => Promise<T>;
  /** Called as each host is done. */
  readonly onVisit?: ((visit: Visit<T>) => void) | undefined;
}

/** Logs in to hosts and does one thing on each. What fails on a host is its visit, never thrown. */
export function visitHosts<T>(hosts: readonly Host[], options: VisitHostsOptions<T>): Promise<readonly Visit<T>[]> {
  const { ssh, parallel, signal, visit, onVisit } = options;
  const limit = pLimit(parallel);
  const visitOne = async (host: Host): Promise<Visit<T>> => {
    try {
      await using connection = await logIn(host, { ssh, signal });
      return { host, result: await visit(accessTo(host, connection), { host, signal }) };
    } catch (error) {
      return { host, error: toErrorJson(error, host.name) };
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
