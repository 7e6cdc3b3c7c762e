import { setImmediate } from "node:timers/promises";
import type { Host } from "#hive";
import { HostLog } from "../host/host-log.ts";
import type { PrepareWork } from "./prepare-closures.ts";

/** Evaluates the systems written in TypeScript, in this process. What they share is read and hashed once. */
export async function prepareNativeSystems(hosts: readonly Host[], work: PrepareWork): Promise<void> {
  const { native, prepared, fail, signal } = work;
  for (const { system, ...host } of hosts) {
    if (system.kind !== "native") continue;
    const log = new HostLog(host.name, work);
    try {
      signal.throwIfAborted();
      const closure = await log.step("evaluate", () => native.evaluate({ ...host, system }, { signal }));
      prepared.set(host.name, { closure });
    } catch (error) {
      fail(host.name, error);
    }
    // A large fleet is a long piece of work: what else goes on in this process gets its turn.
    await setImmediate();
  }
}
