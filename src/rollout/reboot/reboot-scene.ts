import type { ActivationScene } from "../host/activation-scene.ts";
import { accessTo } from "../host/activation-scene.ts";
import { keepLease } from "../host/keep-lease.ts";
import { bringSecretsAgain } from "./bring-secrets-again.ts";
import { rebootHost } from "./reboot-host.ts";

export interface RebootSceneOptions {
  /** Proves the host over the scene's connection, which is the one into its new boot by then. */
  readonly check: () => Promise<void>;
  /** See RebootHostOptions. */
  readonly askedIn?: string | undefined;
  readonly withinMs?: number | undefined;
}

/**
 * Reboots the host of an activation into its system, gives it the secrets again that went with the old boot, and proves it.
 * @throws ActivationError `activation/reboot…`.
 */
export async function rebootScene(
  scene: ActivationScene,
  { check, askedIn, withinMs }: RebootSceneOptions,
): Promise<void> {
  const { host, order, log, context } = scene;
  const used = scene.connection;
  await rebootHost(host, {
    ...{ order, connection: used, clock: context.clock, signal: context.leave, askedIn, withinMs },
    ports: {
      logIn: async ({ signal }) => {
        const fresh = await context.ports.logIn(host, { ssh: context.ssh, signal });
        log.logins += 1;
        return fresh;
      },
      takeLease: (connection) => keepLease(accessTo(host, connection), { log, context }),
      check: async (connection, facts) => {
        scene.connection = connection;
        if (used !== connection) await used[Symbol.asyncDispose]();
        await bringSecretsAgain(scene, facts);
        await check();
      },
      onProgress: (message) => {
        log.message("reboot", message);
      },
    },
  });
}
