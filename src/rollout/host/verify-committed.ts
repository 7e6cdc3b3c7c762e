import { ActivationError, probeHost } from "#activation";
import type { ActivationScene } from "./activation-scene.ts";
import { accessTo } from "./activation-scene.ts";

/**
 * Reads what the host runs and would boot: an agent's word is not taken for it.
 * @throws ActivationError `activation/commit`.
 */
export async function verifyCommitted(scene: ActivationScene): Promise<void> {
  const { host, order, connection, context, log, byReboot } = scene;
  const facts = await probeHost(accessTo(host, connection), { signal: context.leave });
  log.generation = facts.profile.generation;
  if (!byReboot && order.secrets !== undefined && (facts.secrets.generation ?? "none") !== order.secrets) {
    throw changed("after the commit the host uses other secrets");
  }
  const bootsIt = order.goal === "secrets" || facts.profile.system === order.toplevel;
  const runsIt = byReboot || facts.running === order.toplevel;
  if (bootsIt && runsIt) return;
  throw changed(`after the commit the host has ${(bootsIt ? facts.running : facts.profile.system) ?? "no system"}`);
}

function changed(message: string): ActivationError {
  return new ActivationError("activation/commit", message, {
    hint: "somebody else changed the host in the same moment; see its journal",
  });
}
