import type { Baseline } from "#health";
import { assertHealthy, detailsOf, noticesOf, runChecks } from "#health";
import type { ActivationScene } from "./activation-scene.ts";
import { checkedHost } from "./activation-scene.ts";

/**
 * The proof of the services, over the connection in hand.
 * @throws HealthError `health/failed` naming the checks that did not pass.
 */
export async function checkHost(
  scene: ActivationScene,
  {
    soakMs = scene.soakMs,
    signal = scene.context.leave,
  }: { readonly soakMs?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const { host, connection, log, context } = scene;
  const soak = tellSoak(scene, { soakMs });
  const results = await runChecks(host.checks, {
    host: checkedHost(host, connection),
    baseline: excusingBaseline(scene),
    soakMs,
    clock: context.clock,
    signal,
    onAttempt: (check, answer) => {
      if (soak.isUnderWay()) soak.tell(answer.passed ? undefined : `${check.name} fails: ${answer.seen}`);
      else if (!answer.passed) log.message("check", `waiting for ${check.name}: ${answer.seen}`);
    },
    onSoak: soak.begin,
  });
  for (const notice of noticesOf(results)) log.notice(notice);
  for (const line of detailsOf(results)) log.line("check", line);
  assertHealthy(results);
}

/** How often a soak that goes well says that it goes on. */
const SOAK_TOLD_EVERY_MS = 10_000;

/** Says that a host soaks, until when, and what fails meanwhile. */
function tellSoak({ log, context: { clock } }: ActivationScene, { soakMs }: { readonly soakMs: number }) {
  let until: number | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  const tell = (trouble?: string): void => {
    if (trouble === undefined && clock.monotonic() - toldAt < SOAK_TOLD_EVERY_MS) return;
    toldAt = clock.monotonic();
    log.message("check", `soaking: ${trouble ?? "all checks pass"}`, { until });
  };
  return {
    isUnderWay: () => until !== undefined,
    begin: () => {
      until = clock.now() + soakMs;
      tell();
    },
    tell,
  };
}

/**
 * What was ill before is excused where the hive asks for a baseline and there was a system before: else a service that is
 * new, and so failed its check before it was there, would be excused too.
 */
function excusingBaseline({ host, order, before }: ActivationScene): Baseline | undefined {
  const asksForIt = host.checks.some(({ kind }) => kind === "baseline");
  return asksForIt && order.previous !== undefined ? before?.baseline : undefined;
}
