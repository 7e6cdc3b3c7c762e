import { describeRebootNeed, isRebootNeeded, readRebootNeed } from "#activation";
import type { ActivationScene } from "../host/activation-scene.ts";
import { accessTo } from "../host/activation-scene.ts";
import { checkHost } from "../host/check-host.ts";
import type { Ending } from "../host/host-log.ts";
import { endingOf } from "../host/host-log.ts";
import { goBackByReboot } from "./go-back-by-reboot.ts";
import { rebootScene } from "./reboot-scene.ts";

/** When a host that the run changed is rebooted; one that had what was wanted never is. */
export type RebootPolicy = "never" | "if-needed" | "always";

const DEPLOYED: Ending = { outcome: "deployed" };

/**
 * Ends the deployment of a host that was committed: reboots it where the policy wants that, and proves it again. Where the
 * reboot is what activates, any policy but `never` wants one.
 */
export async function rebootDeployed(
  scene: ActivationScene,
  { policy }: { readonly policy: RebootPolicy },
): Promise<Ending> {
  try {
    if (!(await wantsReboot(scene, policy))) return DEPLOYED;
  } catch (error) {
    return endingOf("stranded", error, scene.host.name);
  }
  return await rebootAndProve(scene);
}

/**
 * Reboots a host and proves it; a host that can be reached and is not well goes back by another reboot.
 * @param options.askedIn the id of the boot in which it was asked already; default: it is asked.
 */
export async function rebootAndProve(
  scene: ActivationScene,
  options: { readonly askedIn?: string | undefined; readonly withinMs?: number | undefined } = {},
): Promise<Ending> {
  try {
    await scene.log.step("reboot", () =>
      rebootScene(scene, {
        ...options,
        // What soaked before its commit does not soak again.
        check: () => checkHost(scene, { soakMs: scene.byReboot ? scene.soakMs : 0 }),
      }),
    );
    return DEPLOYED;
  } catch (error) {
    return await goBackByReboot(error, scene);
  }
}

async function wantsReboot(scene: ActivationScene, policy: RebootPolicy): Promise<boolean> {
  const { host, order, connection, log, context } = scene;
  const { goal } = context.run;
  // New secrets alone need none.
  if ((goal !== "boot" && goal !== "switch") || order.goal === "secrets") return false;
  if (policy === "always" || scene.byReboot) return policy !== "never";
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
