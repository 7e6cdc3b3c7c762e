/** The places below a host's root that skep owns. All but the records and GC roots are on tmpfs, gone after a reboot. */
export const hostLayout = {
  /** The lease: one small file, see lease.ts. */
  lease: "/run/skep/lease",
  /** One folder per run, made by startAgent: the agent's script, state and log. */
  runs: "/run/skep/runs",
  /** One JSON file per committed deployment, named by its run; the newest {@link RECORDS_KEPT} are kept. */
  records: "/var/lib/skep/deployments",
  /** There while a commit is under way, and after one that was cut short: `run=` and `system=`, one a line. */
  committing: "/var/lib/skep/committing",
  /** `wanted`: what was last sent to the host. `running`: follows /run/current-system where NixOS has no such root. */
  gcRoots: "/nix/var/nix/gcroots/skep",
} as const;

export const RECORDS_KEPT = 50;

/** The folder of one run on the host. */
export function runFolder(run: string): string {
  return `${hostLayout.runs}/${run}`;
}

/** The profile whose newest generation is the system a host boots. */
export type ProfilePath = "/nix/var/nix/profiles/system" | "/nix/var/nix/profiles/skep";

export function profileFor({ nixos }: { readonly nixos: boolean }): ProfilePath {
  return nixos ? "/nix/var/nix/profiles/system" : "/nix/var/nix/profiles/skep";
}
