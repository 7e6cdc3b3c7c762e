import type { HostFacts, LeaseHolder, PlanFacts } from "#activation";
import { describeHolder, dryActivate, probeHost, readPlanFacts } from "#activation";
import { messageOf } from "#core";
import type { Host, PlanGoal } from "#hive";
import { activates } from "#hive";
import type { Manifest } from "#native";
import { unitsToAsk } from "#native";
import type { Closure, StoredPath, StorePath } from "#store";
import { accessTo } from "../host/activation-scene.ts";
import type { HostLog } from "../host/host-log.ts";
import { isAsWanted } from "../host/is-as-wanted.ts";
import { holderOf, settledFacts } from "../host/settled-facts.ts";
import type { SshOptions } from "../host/log-in.ts";
import { storeKindOf } from "../host/open-host-store.ts";
import type { PlanPorts } from "./plan-ports.ts";
import type { WantedSecrets } from "./secret-versions.ts";

/** What was seen of a host. */
export type HostLook =
  | { readonly facts: HostFacts; readonly isAsWanted: true }
  | {
      readonly facts: HostFacts;
      readonly isAsWanted: false;
      readonly found: PlanFacts;
      /** The closure that it runs; undefined where there is none, or its store does not know it. */
      readonly closure: readonly StoredPath[] | undefined;
      /** What its store lacks of the wanted closure. */
      readonly missing: readonly StorePath[];
      /** What its switch-to-configuration says; undefined where it was not asked. */
      readonly said: readonly string[] | undefined;
      readonly notices: readonly string[];
    };

export interface LookAtHostOptions {
  readonly goal: PlanGoal;
  readonly wanted: {
    readonly closure: Closure | undefined;
    readonly manifest: Manifest | undefined;
    readonly secrets: WantedSecrets;
  };
  readonly ssh: SshOptions;
  readonly ports: PlanPorts;
  readonly log: HostLog;
  /** See leasePatience. */
  readonly wait: (holder: LeaseHolder) => Promise<boolean>;
  /** Closures of systems that hosts run, as far as some host told them. */
  readonly known: Map<StorePath, readonly StoredPath[]>;
  readonly sizeOf: (path: StorePath) => number | undefined;
  readonly signal: AbortSignal;
}

/** Logs in once, reads what a plan needs to know, and changes nothing. */
export async function lookAtHost(host: Host, options: LookAtHostOptions): Promise<HostLook> {
  const { goal, wanted, ssh, ports, log, wait, known, sizeOf, signal } = options;
  const { closure, manifest, secrets } = wanted;
  await using connection = await log.step("connect", () => ports.logIn(host, { ssh, signal }));
  const access = accessTo(host, connection);
  const toplevel = closure?.toplevel;
  const look = (): Promise<HostFacts> => probeHost(access, { signal });
  const isDone = (seen: HostFacts): boolean => isAsWanted(goal, { toplevel, secrets }, seen);
  const facts = await log.step("probe", () => settledFacts(look, { isDone, wait }));
  if (isDone(facts)) return { facts, isAsWanted: true };
  const holder = holderOf(facts);
  const notices = holder === undefined ? [] : [`${describeHolder(holder)}: that run may yet change it`];
  const units = manifest === undefined ? [] : unitsToAsk(manifest);
  const found = await readPlanFacts(access, { units, signal });
  if (closure === undefined || toplevel === undefined) {
    return { facts, isAsWanted: false, found, closure: undefined, missing: [], said: undefined, notices };
  }
  const { running } = facts;
  const told = running === undefined ? undefined : known.get(running);
  const store = await ports.readHostStore(host, {
    ...{ kind: storeKindOf(host, facts), connection, sizeOf, signal },
    toplevel: told === undefined ? running : undefined,
    wanted: closure.paths.map(({ path }) => path),
  });
  if (running !== undefined && store.closure !== undefined) known.set(running, store.closure);
  const isOnHost = !store.missing.includes(toplevel) && running !== toplevel;
  const said: string[] = [];
  if (manifest === undefined && isOnHost && activates(goal)) {
    try {
      const { timeoutMs } = host.activation;
      await dryActivate(access, { toplevel, timeoutMs, signal, onLogLine: (line) => said.push(line) });
    } catch (error) {
      signal.throwIfAborted();
      notices.push(messageOf(error));
    }
  }
  return {
    ...{ facts, isAsWanted: false, found, notices },
    closure: told ?? store.closure,
    missing: store.missing,
    said: said.length === 0 ? undefined : said,
  };
}
