import type { AgentOrder, AgentState, AgentStatus, HostAccess, SecretSet } from "#activation";
import { followAgent } from "#activation";
import type { CheckedHost } from "#health";
import type { Host } from "#hive";
import type { Connection } from "#ssh";
import type { DeployContext } from "./deploy-context.ts";
import type { HostLog } from "./host-log.ts";
import type { HostBefore } from "../events.ts";
import type { Step } from "../steps.ts";

/** What the steps of one activation share. */
export interface ActivationScene {
  readonly host: Host;
  readonly order: AgentOrder;
  /** The host as it was before anything was changed; undefined where nobody noted it. */
  readonly before: HostBefore | undefined;
  /** How long the checks go on after they passed. */
  readonly soakMs: number;
  readonly log: HostLog;
  readonly context: DeployContext;
  /** The connection in hand: the first, then the fresh one. It may have been lost. */
  connection: Connection;
  /** Lines of the agent's log that were shown already. */
  shownLines: number;
  /** Whether the reboot is what activates: the system was made the default without a proof. */
  byReboot: boolean;
  /** The secrets that go with the system; undefined when they stay as they are. */
  readonly readSecrets: () => Promise<SecretSet | undefined>;
}

/** Waits for the agent to come to one of some states, showing what it logs. */
export function watchAgent(
  scene: ActivationScene,
  {
    step,
    until,
    timeoutMs,
  }: { readonly step: Step; readonly until: readonly AgentState[]; readonly timeoutMs: number },
): Promise<AgentStatus | undefined> {
  return followAgent(accessTo(scene.host, scene.connection), {
    run: scene.order.run,
    until,
    timeoutMs,
    seenLines: scene.shownLines,
    signal: scene.context.leave,
    onLogLine: (line) => {
      scene.shownLines += 1;
      scene.log.line(step, line);
    },
  });
}

/** The host as the activation layer reaches it over a connection. */
export function accessTo(host: Host, connection: Connection): HostAccess {
  return { runner: connection.elevated, root: host.target.root };
}

/** The host as health checks reach it over the connection in hand. */
export function checkedHost(host: Host, connection: Connection): CheckedHost {
  return {
    name: host.name,
    address: connection.address.host,
    runner: connection.elevated,
    forward: (destination, options) => connection.forward(destination, options),
  };
}
