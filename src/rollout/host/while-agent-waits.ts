import type { AgentStatus } from "#activation";
import { describeCause, readAgent } from "#activation";
import type { ActivationScene } from "./activation-scene.ts";
import { accessTo } from "./activation-scene.ts";

const LOOK_EVERY_MS = 5_000;

/**
 * Does some work of the proof for as long as the host's agent waits for it. When the agent goes back meanwhile, because
 * another run took the host over or its time is up, what is proved is the old system.
 * @throws why the agent went back.
 */
export async function whileAgentWaits<T>(
  scene: ActivationScene,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { order, context } = scene;
  const gone = new AbortController();
  const ended = new AbortController();
  const looking = look();
  try {
    return await work(AbortSignal.any([context.leave, gone.signal]));
  } finally {
    ended.abort();
    await looking;
  }

  async function look(): Promise<void> {
    const signal = AbortSignal.any([context.leave, ended.signal]);
    try {
      let status: AgentStatus | undefined;
      do {
        await context.clock.sleep(LOOK_EVERY_MS, { signal });
        status = await readAgent(accessTo(scene.host, scene.connection), { run: order.run, signal });
      } while (status === undefined || status.state === "waiting");
      gone.abort(describeCause(status, order));
    } catch {
      // The work is done; or the connection was lost, which the work sees by itself.
    }
  }
}
