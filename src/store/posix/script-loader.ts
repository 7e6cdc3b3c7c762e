/**
 * How a POSIX sh script gets to a host together with what it reads: on standard input, before it. `read` takes a pipe byte
 * by byte, so that what follows the script's last line is left for the script. The process list and sudo's log show this
 * line instead of the script.
 */
export const SCRIPT_LOADER = `s=; while IFS= read -r l && [ "$l" != "#end" ]; do s="$s$l
"; done; [ "$l" = "#end" ] || exit 1; eval "$s"`;

/** A script as the loader takes it; what the script reads follows. */
export function loadableScript(script: string): string {
  return `${script.trim()}\n#end\n`;
}
