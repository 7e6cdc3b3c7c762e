import { describeRebootNeed, isRebootNeeded, readRebootNeed } from "#activation";
import type { ActivationScene } from "../host/activation-scene.ts";
import { accessTo } from "../host/activation-scene.ts";
import type { Ending } from "../host/host-log.ts";
import { endingOf } from "../host/host-log.ts";
import { keepLease } from "../host/keep-lease.ts";
import { rebootHost } from "./reboot-host.ts";

/** When a host that the run changed is rebooted; one that had what was wanted never is. */
export type RebootPolicy = "never" | "if-needed" | "always";

const DEPLOYED: Ending = { outcome: "deployed" };

/**
 * Ends the deployment of a host that was committed: reboots it where the policy wants that, and proves it again.
 * After the goal `boot` the reboot is what activates, so any policy but `never` wants one. Nothing is gone back from here:
 * a host that does not come back well is stranded.
 * @param options.check proves the host over the scene's connection.
 */
export async function rebootDeployed(
  scene: ActivationScene,
  { policy, check }: { readonly policy: RebootPolicy; readonly check: () => Promise<void> },
): Promise<Ending> {
  const { host, order, log, context } = scene;
  try {
    if (!(await wantsReboot(scene, policy))) return DEPLOYED;
    await log.step("reboot", async () => {
      const used = scene.connection;
      await rebootHost(host, {
        order,
        connection: used,
        clock: context.clock,
        signal: context.leave,
        ports: {
          logIn: async ({ signal }) => {
            const fresh = await context.ports.logIn(host, { ssh: context.ssh, signal });
            log.logins += 1;
            return fresh;
          },
          takeLease: (connection) => keepLease(accessTo(host, connection), { log, context }),
          check: async (connection, facts) => {
            scene.connection = connection;
            await used[Symbol.asyncDispose]();
            const { waiting } = facts.secrets;
            if (waiting.length > 0) log.notice(`since its reboot it waits for secrets: ${waiting.join(", ")}`);
            await check();
          },
          onProgress: (message) => {
            log.message("reboot", message);
          },
        },
      });
    });
    return DEPLOYED;
  } catch (error) {
    return endingOf("stranded", error, host.name);
  }
}

async function wantsReboot(scene: ActivationScene, policy: RebootPolicy): Promise<boolean> {
  const { host, order, connection, log, context } = scene;
  const { goal } = context.run;
  // New secrets alone need none.
  if ((goal !== "boot" && goal !== "switch") || order.goal === "secrets") return false;
  if (policy === "always" || order.goal === "boot") return policy !== "never";
  try {
    const access = accessTo(host, connection);
    const need = await readRebootNeed(access, { toplevel: order.toplevel, signal: context.leave });
    if (!isRebootNeeded(need)) return false;
    const isWanted = policy === "if-needed";
    log.notice(`${isWanted ? "it is rebooted" : "it needs a reboot"}: ${describeRebootNeed(need)}`);
    return isWanted;
  } catch (error) {
    if (policy === "never") return false;
    throw error;
  }
}
