import type { SkepErrorJson } from "#core";
import { once, systemClock } from "#core";
import type { Hive, Host, HostName } from "#hive";
import { openNativeEvaluator } from "#native";
import { NixError, openNix, readClosure } from "#nix";
import type { StorePath } from "#store";
import type { Emit } from "../host/host-log.ts";
import { evaluate } from "../prepare/prepare-nix-systems.ts";
import { prepareNativeSystems } from "../prepare/prepare-native-systems.ts";
import type { PreparedHosts } from "../prepare/prepare-closures.ts";
import { toErrorJson } from "../to-error-json.ts";

/** What the hive wants of a host: its system, or why that is not known. */
export type WantedSystem = { readonly toplevel: StorePath } | { readonly error: SkepErrorJson };

/**
 * Finds out which systems the hive gives to hosts. Builds nothing: what Nix makes is evaluated only, one evaluation for
 * all hosts of a flake or file. One bad host takes no other with it, and a missing Nix only those that need it.
 * @throws the signal's reason.
 */
export async function evaluateWanted(
  hive: Hive,
  { hosts, signal }: { readonly hosts: readonly Host[]; readonly signal: AbortSignal },
): Promise<ReadonlyMap<HostName, WantedSystem>> {
  const emit: Emit = () => undefined;
  const { directory, limits } = hive;
  const nix = once(() => openNix({ signal }));
  const work = { directory, limits, nix, emit, clock: systemClock, signal };
  const [nativeSystems, nixSystems] = await Promise.all([evaluateNative(hosts, work), evaluateNix(hosts, work)]);
  return new Map([...nativeSystems, ...nixSystems]);
}

type Work = Parameters<typeof evaluate>[2] & { readonly nix: () => ReturnType<typeof openNix> };

async function evaluateNative(hosts: readonly Host[], work: Work): Promise<ReadonlyMap<HostName, WantedSystem>> {
  await using native = openNativeEvaluator({
    readNixClosure: async (path, { signal }) => readClosure(await work.nix(), path, { signal }),
  });
  const prepared: PreparedHosts = new Map();
  const fail = (host: HostName, error: unknown): void => {
    prepared.set(host, { error: toErrorJson(error, host) });
  };
  await prepareNativeSystems(hosts, { ...work, goal: "build", native, prepared, fail });
  work.signal.throwIfAborted();
  return new Map(
    [...prepared].map(([name, one]) => [name, "closure" in one ? { toplevel: one.closure.toplevel } : one] as const),
  );
}

async function evaluateNix(hosts: readonly Host[], work: Work): Promise<ReadonlyMap<HostName, WantedSystem>> {
  const requests = hosts.flatMap(({ name, system }) =>
    system.kind === "native" ? [] : [{ host: name, source: system }],
  );
  if (requests.length === 0) return new Map();
  let systems: Awaited<ReturnType<typeof evaluate>>;
  try {
    systems = await evaluate(await work.nix(), requests, work);
  } catch (error) {
    work.signal.throwIfAborted();
    return new Map(requests.map(({ host }) => [host, { error: toErrorJson(error, host) }] as const));
  }
  return new Map(
    [...systems].map(([name, system]) => {
      const wanted = system instanceof NixError ? { error: toErrorJson(system, name) } : { toplevel: system.toplevel };
      return [name, wanted] as const;
    }),
  );
}
