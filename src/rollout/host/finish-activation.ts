import type { ActivationScene } from "./activation-scene.ts";
import type { Ending } from "./host-log.ts";
import type { AgentProgress } from "./prove-and-commit.ts";
import { AgentNotStarted, proveAndCommit } from "./prove-and-commit.ts";
import { rebootDeployed } from "../reboot/reboot-deployed.ts";
import { settleHost } from "./settle-host.ts";

/**
 * Sees an activation to its end from wherever its agent is. Once the agent is started the host ends where its agent says:
 * whatever fails here, settleHost sees the host back, or finds that it was committed after all.
 * @throws ActivationError when the host refused the agent, and is as it was.
 */
export async function finishActivation(
  scene: ActivationScene,
  { from }: { readonly from: AgentProgress },
): Promise<Ending> {
  const ending = await proveOrSettle(scene, from);
  if (ending.outcome !== "deployed") return ending;
  return await rebootDeployed(scene, { policy: scene.context.run.reboot ?? "never" });
}

async function proveOrSettle(scene: ActivationScene, from: AgentProgress): Promise<Ending> {
  try {
    await proveAndCommit(scene, { from });
    return { outcome: "deployed" };
  } catch (error) {
    if (error instanceof AgentNotStarted) throw error.reason;
    return await settleHost(error, scene);
  }
}
