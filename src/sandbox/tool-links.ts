import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

/** Where a POSIX system keeps its tools; the first that has one wins. */
const PLACES = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/run/current-system/sw/bin"];

/**
 * What a sandbox host must not find: Nix, for it stands for a host without; whatever would reach this machine's own
 * init or become another user; age, which is the same on all sandbox hosts.
 */
const HIDDEN =
  /^(nix([-.].*)?|systemd.*|systemctl|journalctl|loginctl|machinectl|hostnamectl|timedatectl|busctl|reboot|shutdown|poweroff|halt|init|telinit|service|invoke-rc\.d|launchctl|sudo|sudoedit|su|doas|run0|pkexec|r?age([-.].*)?)$/;

/** Fills `folder` with links to this machine's tools, and to the Node.js that runs us. */
export function linkTools(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const linked = new Set(["node"]);
  symlinkSync(process.execPath, join(folder, "node"));
  for (const place of PLACES) {
    for (const name of namesIn(place)) {
      if (linked.has(name) || HIDDEN.test(name)) continue;
      linked.add(name);
      symlinkSync(join(place, name), join(folder, name));
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
