import type { Step } from "#rollout";

/** What the steps are for: each kind has a colour. */
export const STEP_KINDS = {
  prepare: "evaluate, build",
  reach: "connect, probe, lease",
  bring: "copy, secrets",
  try: "dry-activate, test",
  prove: "login, check",
  keep: "confirm, commit",
  reboot: "reboot",
  back: "roll-back",
} as const;

export type StepKind = keyof typeof STEP_KINDS;

const KIND_OF_STEP = {
  evaluate: "prepare",
  build: "prepare",
  connect: "reach",
  probe: "reach",
  lease: "reach",
  copy: "bring",
  secrets: "bring",
  "dry-activate": "try",
  test: "try",
  login: "prove",
  check: "prove",
  confirm: "keep",
  commit: "keep",
  reboot: "reboot",
  "roll-back": "back",
} as const satisfies Record<Step, StepKind>;

export function kindOfStep(step: Step): StepKind {
  return KIND_OF_STEP[step];
}
