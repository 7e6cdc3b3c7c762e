import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const TOOLS = [
  "debootstrap",
  "systemd-nspawn",
  "ssh",
  "ssh-keygen",
  "ip",
  "nix-store",
  "flock",
  "nsenter",
  "unshare",
] as const;

/** Why the fleet cannot run on this machine, in one clause; undefined when it can. */
export function fleetUnavailable(): string | undefined {
  if (process.getuid?.() !== 0) return "the fleet needs root";
  if (!isDebian()) return "the fleet needs Debian or Ubuntu";
  const missing = TOOLS.filter((tool) => !isOnPath(tool));
  if (missing.length > 0) return `the fleet needs ${missing.join(", ")}: run \`node tests/set-up.js\``;
  if (!existsSync("/bin/busybox")) return "the fleet needs the package busybox-static";
  if (!readFileSync("/proc/filesystems", "utf8").includes("\toverlay\n")) return "the fleet needs overlayfs";
  if (!mayMakeNamespaces()) return "the fleet needs the privilege to mount and to make namespaces";
  return undefined;
}

/** Root in a container often may not. */
function mayMakeNamespaces(): boolean {
  return spawnSync("unshare", ["--mount", "--net", "true"]).status === 0;
}

function isDebian(): boolean {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
}

function isOnPath(tool: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, tool)));
}
