import type { CommandResult, CommandRunner, RunOptions } from "#core";
import { lastLines, succeeded } from "#core";
import { ActivationError } from "./errors.ts";

/** A host as this layer reaches it. */
export interface HostAccess {
  /** Runs commands on the host as root, or as whoever owns everything below `root`. */
  readonly runner: CommandRunner;
  /**
   * The folder on the host that everything lies under: `""` for the host itself, else an image that is being prepared, a
   * chroot, or a sandbox. What store objects say is not prefixed with it; where they and all else lie, is.
   */
  readonly root: string;
}

/**
 * Runs a POSIX sh script on a host. The script travels on standard input, so that sudo's log and the process list show
 * `sh -s` and the arguments only; values go in as arguments, never into the text. In the script `$root` is the host's
 * root, and {@link PRELUDE} has run.
 */
export function runScript(
  { runner, root }: HostAccess,
  {
    script,
    args = [],
    ...options
  }: { readonly script: string; readonly args?: readonly string[] } & Omit<RunOptions, "stdin">,
): Promise<CommandResult> {
  return runner.run(["sh", "-s", "--", root, ...args], { ...options, stdin: `${PRELUDE}${script}` });
}

/**
 * Runs a script that only reads, and gives what it printed.
 * @param options.what what it reads, for the message.
 * @param options.ending what it prints last once it has read all.
 * @throws ActivationError `activation/probe`.
 */
export async function readByScript(
  access: HostAccess,
  {
    what,
    ending = "",
    ...script
  }: { readonly what: string; readonly ending?: string } & Parameters<typeof runScript>[1],
): Promise<string> {
  const result = await runScript(access, script);
  if (succeeded(result) && result.stdout.endsWith(ending)) return result.stdout;
  throw new ActivationError("activation/probe", `cannot read ${what}: ${lastLines(result)}`, {
    hint: "skep needs a POSIX sh on the host; log in by hand and see whether `sh -s` works",
  });
}

/**
 * What every script on a host begins with. The login's PATH comes first; behind it, but not below a root that is another
 * system than the one the script runs on, are the places of NixOS, of Nix on other systems and of any Linux, for services
 * start with less.
 *
 * - `uptime`: seconds on a clock that only goes forward
 * - `system_of LINK`: the store path that a link below the root leads to, or nothing
 * - `default_profile`: the profile that the host boots
 * - `replace_link TARGET LINK`: makes or replaces a link in one rename, also one that leads to a folder
 */
export const PRELUDE = `root=$1; shift
[ -n "$root" ] || PATH=$PATH:/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
uptime() {
  if read -r up _ 2>/dev/null </proc/uptime; then echo "\${up%%.*}"; else date +%s; fi
}
system_of() {
  link=$1
  for _ in 1 2 3 4 5 6 7 8; do
    [ -L "$link" ] || return 0
    to=$(readlink "$link")
    case $to in
      /nix/store/*) echo "$to"; return 0 ;;
      /*) link=$root$to ;;
      *) link=\${link%/*}/$to ;;
    esac
  done
}
default_profile() {
  if [ -e "$root/etc/NIXOS" ]; then echo "$root/nix/var/nix/profiles/system"; else echo "$root/nix/var/nix/profiles/skep"; fi
}
replace_link() {
  rm -f "$2.skep" && ln -s "$1" "$2.skep" && { mv -f -T "$2.skep" "$2" 2>/dev/null || mv -f -h "$2.skep" "$2"; }
}
`;
