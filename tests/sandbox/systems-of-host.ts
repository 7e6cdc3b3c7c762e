import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { SandboxHost } from "#sandbox";

/** The store path of the system that a host runs. */
export function runningSystem({ root }: Pick<SandboxHost, "root">): string {
  return readlinkSync(join(root, "run/current-system"));
}

/** The store path of the system that its profile names, and that it boots. */
export function defaultSystem({ root }: Pick<SandboxHost, "root">): string {
  const profiles = join(root, "nix/var/nix/profiles");
  return readlinkSync(join(profiles, readlinkSync(join(profiles, "skep"))));
}

/** Another one with each boot. */
export function bootIdOf({ root }: Pick<SandboxHost, "root">): string {
  return readFileSync(join(root, "proc/sys/kernel/random/boot_id"), "utf8");
}
