import { readHostState } from "#activation";
import type { SkepErrorJson } from "#core";
import type { Host, HostName } from "#hive";
import type { SshOptions } from "../host/log-in.ts";
import { visitHosts } from "../visit-hosts.ts";
import type { ChosenReturn, ReturnWish } from "./choose-return.ts";
import { chooseReturn } from "./choose-return.ts";

/** Where each host goes back to, or why it cannot. */
export type Returns = ReadonlyMap<HostName, ChosenReturn | { readonly error: SkepErrorJson }>;

/** Asks hosts what they had, and decides where each goes back to. Changes nothing. */
export async function planReturns(
  hosts: readonly Host[],
  options: {
    readonly wish: ReturnWish;
    readonly ssh: SshOptions;
    /** Hosts at one time. */
    readonly parallel: number;
    readonly signal: AbortSignal;
  },
): Promise<Returns> {
  const { wish, ...visiting } = options;
  const visits = await visitHosts(hosts, {
    ...visiting,
    visit: async (access, { host, signal }) =>
      chooseReturn(await readHostState(access, { signal }), { wish, host: host.name }),
  });
  return new Map(
    visits.map((visit) => [visit.host.name, "result" in visit ? visit.result : { error: visit.error }] as const),
  );
}
