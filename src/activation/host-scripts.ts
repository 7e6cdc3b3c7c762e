import { DECIDE_SCRIPT, FOLLOW_SCRIPT, READ_SCRIPT } from "./agent.ts";
import { PROTECT_SCRIPT } from "./gc-roots.ts";
import { PRELUDE } from "./host-access.ts";
import { ACQUIRE_SCRIPT, RELEASE_SCRIPT, RENEW_SCRIPT } from "./lease.ts";
import { PLAN_SCRIPT } from "./plan-facts.ts";
import { PROBE_SCRIPT } from "./probe-host.ts";
import { NEED_SCRIPT } from "./reboot-need.ts";
import { BOOT_SCRIPT, REBOOT_SCRIPT } from "./reboot.ts";
import { START_SCRIPT } from "./start-agent.ts";

/** What a rollout says to a host on standard input, by its meaning: what stands in for a host tells them by their text. */
export const hostScripts = {
  probe: PRELUDE + PROBE_SCRIPT,
  readPlanFacts: PRELUDE + PLAN_SCRIPT,
  acquireLease: PRELUDE + ACQUIRE_SCRIPT,
  renewLease: PRELUDE + RENEW_SCRIPT,
  releaseLease: PRELUDE + RELEASE_SCRIPT,
  protectClosure: PRELUDE + PROTECT_SCRIPT,
  startAgent: PRELUDE + START_SCRIPT,
  readAgent: PRELUDE + READ_SCRIPT,
  followAgent: PRELUDE + FOLLOW_SCRIPT,
  decideAgent: PRELUDE + DECIDE_SCRIPT,
  readRebootNeed: PRELUDE + NEED_SCRIPT,
  requestReboot: PRELUDE + REBOOT_SCRIPT,
  readBootState: PRELUDE + BOOT_SCRIPT,
} as const;

export type HostScript = keyof typeof hostScripts;
