import type { Argv } from "#core";

/**
 * A command that ends when whoever asked for it hangs up: when its standard input, which it does not get itself, is closed,
 * be it on purpose or with the connection. sshd does not see to that: without a terminal, what root runs goes on.
 * What it leaves running in its group goes on when it has ended, unless {@link END} came first.
 */
export function watchedCommand(argv: Argv): Argv {
  return ["sh", "-c", WATCH_SCRIPT, "skep-exec", ...argv];
}

/** Written before hanging up: whatever still runs is to end, and if the command itself has ended. */
export const END = "end\n";

// The command takes the place of this shell, so that its exit code or its signal is told as what it is. Beside it waits a
// process of the same group, which sshd made for the session; while that lives, no other group gets its number.
// On one line, for a login shell may be one that breaks quotes at line ends.
const WATCH_SCRIPT = [
  "exec 3<&0 </dev/null;",
  "(end=; while read -r line; do end=$line; done <&3;",
  'pid=$$; kill -0 $pid || { pid=self; [ -n "$end" ] || exit 0; };',
  'read -r stat </proc/$pid/stat; set -- ${stat##*) }; [ "$3" -gt 1 ] || exit 0;',
  'trap "" TERM HUP; kill -s TERM -- "-$3";',
  "for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; kill -0 $$ || break; done;",
  'kill -s KILL -- "-$3") >/dev/null 2>&1 &',
  'exec "$@" 3<&-',
].join(" ");
