import type { HostFacts } from "#activation";
import { ActivationError, howToBootPrevious, probeHost, requestReboot } from "#activation";
import { messageOf } from "#core";
import type { Host } from "#hive";
import type { Connection } from "#ssh";
import { accessTo } from "../host/activation-scene.ts";
import type { AwaitBootOptions, LoginPorts } from "./await-boot.ts";
import { awaitBoot } from "./await-boot.ts";
import { RolloutError } from "../errors.ts";

/** What a reboot needs done around it. */
export interface RebootPorts extends LoginPorts {
  /**
   * Takes the host's lease. Called twice: before the host is asked to reboot, which takes the lease with it, and once it
   * is up again. It is given back when the host came back or was given up, and when the checks are done.
   */
  readonly takeLease: (connection: Connection) => Promise<AsyncDisposable>;
  /** Proves the host that is up again on the wanted system. @throws when it is not well. */
  readonly check: (connection: Connection, facts: HostFacts) => Promise<void>;
}

/** `signal` aborts when the host is to be left, however far it is. */
export interface RebootHostOptions extends Omit<AwaitBootOptions, "oldBootId"> {
  readonly ports: RebootPorts;
  /** The id of the boot in which it was asked already, and left; it is not asked again then. Default: it is asked. */
  readonly askedIn?: string | undefined;
}

/** A host that came back from its reboot, and is well. */
export interface Rebooted {
  /** Opened after the reboot, and the caller's to dispose of. */
  readonly connection: Connection;
  /** Read after the reboot. */
  readonly facts: HostFacts;
}

/**
 * Reboots a host whose wanted system is committed, and sees it come back: another boot id, systemd up, the wanted system
 * running, its checks passed. What answers in the old boot, be it a ping or a login, does not count.
 * @throws ActivationError `activation/reboot…` with what was seen instead. Nobody brings the host back then: it is stranded.
 */
export async function rebootHost(host: Host, options: RebootHostOptions): Promise<Rebooted> {
  try {
    const connection = await goThroughReboot(host, options);
    try {
      return { connection, facts: await proveRebooted(host, connection, options) };
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    if (!options.signal.aborted) throw error;
    throw new RolloutError("rollout/interrupted", `left while it was rebooted into ${options.order.toplevel}`, {
      hint: "skep resume sees it through",
      cause: error,
    });
  }
}

async function goThroughReboot(host: Host, options: RebootHostOptions): Promise<Connection> {
  const { connection, order, ports, signal, askedIn } = options;
  if (askedIn !== undefined) return await awaitBoot(host, { ...options, oldBootId: askedIn });
  const lease = await ports.takeLease(connection);
  try {
    const { bootId } = await requestReboot(accessTo(host, connection), { ...order, signal });
    return await awaitBoot(host, { ...options, oldBootId: bootId });
  } finally {
    await lease[Symbol.asyncDispose]();
  }
}

async function proveRebooted(
  host: Host,
  connection: Connection,
  { order, ports, signal }: RebootHostOptions,
): Promise<HostFacts> {
  await using _lease = await ports.takeLease(connection);
  const facts = await probeHost(accessTo(host, connection), { signal });
  try {
    await ports.check(connection, facts);
  } catch (error) {
    throw new ActivationError("activation/reboot-unwell", `after its reboot ${messageOf(error)}`, {
      hint: `it runs ${order.toplevel}; ${howToBootPrevious(order)}`,
      cause: error,
    });
  }
  return facts;
}
