import type { Step } from "#rollout";

/** When something goes wrong: so long after the run began, or after a step of a host began for the first time. */
export type FaultTime = { readonly atMs: number } | { readonly step: Step; readonly afterMs?: number | undefined };

/** What goes wrong, and where. Durations in milliseconds. */
export type Fault = SystemFault | HostFault | OperatorFault | SecondOperatorFault;

/** A fault of the system that a host is to get (or, `cannot-go-back`, of the one it has). It is there from the start. */
export type SystemFault = { readonly host: string } &
  /** `switch-to-configuration test` ends so; default 1. The system may run all the same. */
  (
    | { readonly kind: "switch-fails"; readonly exitCode?: number | undefined }
    | { readonly kind: "switch-hangs" }
    /** It runs, and its checks fail: at once, or only so long after it was activated. */
    | { readonly kind: "unhealthy"; readonly afterMs?: number | undefined }
    /** Of its checks this share fails, each time anew: 0.3. */
    | { readonly kind: "flapping"; readonly share: number }
    /** Its checks never get an answer. */
    | { readonly kind: "checks-hang" }
    /** The host has not the key that its secrets are encrypted to. */
    | { readonly kind: "cannot-open-secrets" }
    /** A unit cannot be restarted with its new secrets. */
    | { readonly kind: "secrets-unit-fails" }
    /** The boot loader cannot be written. */
    | { readonly kind: "boot-fails" }
    /** The old system cannot be activated any more. */
    | { readonly kind: "cannot-go-back" }
    /** Everything that the host does takes so many times as long. */
    | { readonly kind: "slow"; readonly factor: number }
  );

/** Something that happens to a host. Default: when the run begins. */
export type HostFault = { readonly host: string; readonly when?: FaultTime | undefined } &
  /** Its connections break, and for so long (default 0) it takes no new ones. */
  (
    | { readonly kind: "connection-lost"; readonly forMs?: number | undefined }
    /** Nothing comes through, and nobody is told: connections outlive a short one. */
    | { readonly kind: "network-cut"; readonly forMs: number }
    /** It has no power. Default: for ever. */
    | { readonly kind: "dead"; readonly forMs?: number | undefined }
    | { readonly kind: "reboot" }
    /** The process of the agent, if there is one then. systemd lets it finish what was begun. */
    | { readonly kind: "agent-killed" }
    /** Default: for ever. */
    | { readonly kind: "disk-full"; readonly forMs?: number | undefined }
    /** `/run` is full. Default: for ever. */
    | { readonly kind: "run-full"; readonly forMs?: number | undefined }
    /** Another run takes the host over, and gives it back after so long; default a minute. */
    | { readonly kind: "lease-stolen"; readonly forMs?: number | undefined }
  );

/** What the operator does, or what happens to him: at a time, or when a host comes to a step. */
export type OperatorFault = {
  /**
   * - `operator-stops`: asks the run to stop (Ctrl-C)
   * - `operator-leaves`: leaves the hosts to their agents (Ctrl-C twice)
   * - `operator-killed`: is gone without a word
   * - `operator-crashed`: so is the machine, and what of the run's journal was not yet synced to its disk
   */
  readonly kind: "operator-stops" | "operator-leaves" | "operator-killed" | "operator-crashed";
} & (
  | { readonly when: { readonly atMs: number } }
  | { readonly host: string; readonly when: Extract<FaultTime, { step: Step }> }
);

/**
 * Somebody else begins to deploy another release to the same hosts, by the same policy and without faults of its own.
 * Where `steals`, with `--steal-lease`.
 */
export interface SecondOperatorFault {
  readonly kind: "second-operator";
  readonly when: { readonly atMs: number };
  readonly steals: boolean;
}

export type SystemFaultKind = SystemFault["kind"];

const SYSTEM_KINDS: ReadonlySet<string> = new Set<SystemFaultKind>([
  "switch-fails",
  "switch-hangs",
  "unhealthy",
  "flapping",
  "checks-hang",
  "cannot-open-secrets",
  "secrets-unit-fails",
  "boot-fails",
  "cannot-go-back",
  "slow",
]);

export function isSystemFault(fault: Fault): fault is SystemFault {
  return SYSTEM_KINDS.has(fault.kind);
}

export function isOperatorFault(fault: Fault): fault is OperatorFault {
  return fault.kind.startsWith("operator-");
}
