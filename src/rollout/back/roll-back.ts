import type { Hive } from "#hive";
import type { RollOutOptions } from "../roll-out.ts";
import { rollOut } from "../roll-out.ts";
import type { RolloutReport } from "../rollout-report.ts";
import type { Returns } from "./plan-returns.ts";

export interface RollBackOptions extends Omit<RollOutOptions, "goal" | "secrets" | "returns"> {
  /** Of every host. */
  readonly returns: Returns;
}

/**
 * Takes hosts back to systems they had, as any deployment brings new ones: wave by wave; test, prove, commit. A host that
 * was changed since its return was planned stays as it is.
 * @throws SkepError when nothing can be done for any host; what fails for one host is in the report.
 */
export function rollBack(hive: Hive, options: RollBackOptions): Promise<RolloutReport> {
  return rollOut(hive, { ...options, goal: "switch" });
}
