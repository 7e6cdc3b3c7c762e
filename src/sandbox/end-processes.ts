import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import { MARKER } from "./host-environment.ts";

/**
 * `end_all PATTERN`: kills every process whose marker matches, until there is none and those killed hold nothing any
 * more. A process between two programs shows no environment for a moment, so that one look is not enough.
 */
const END_ALL = `
ours() {
  if [ -r /proc/self/environ ]; then
    grep -lz "^${MARKER}=$1" /proc/[0-9]*/environ 2>/dev/null | sed 's|^/proc/||; s|/.*||'
  else
    ps -A -E -ww -o pid=,command= 2>/dev/null | grep " ${MARKER}=$1" | sed 's/^ *//; s/ .*//'
  fi
}
ended() {
  for pid in $killed; do
    [ -r "/proc/$pid/stat" ] && read -r stat 2>/dev/null <"/proc/$pid/stat" || continue
    case \${stat##*) } in Z* | X*) ;; *) return 1 ;; esac
  done
}
end_all() {
  killed= quiet=0 round=0
  while [ "$quiet" -lt 2 ] && [ $((round += 1)) -le 200 ]; do
    pids=$(ours "$1")
    if [ -n "$pids" ]; then
      quiet=0 killed="$killed $pids"
      kill -s KILL $pids 2>/dev/null
    elif ended; then quiet=$((quiet + 1)); fi
    [ "$quiet" -ge 2 ] || sleep 0.02
  done
}
`;

const END_SCRIPT = `${END_ALL}
end_all "$1"
`;

/** Waits for the end of whoever holds its standard input, then leaves nothing: `$2` and what follows are removed. */
const REAPER_SCRIPT = `${END_ALL}
trap '' HUP INT QUIT TERM
cat >/dev/null
end_all "$1"
shift
for folder; do
  find "$folder" -type d ! -perm -u=wx -exec chmod u+rwx {} + 2>/dev/null
  rm -rf -- "$folder"
done
`;

/** Outlives this process, however that ends. */
export interface Reaper {
  /** Ends every process of the sandbox and removes its folders, at once; settles when all are gone. */
  reap(): Promise<void>;
}

/**
 * Starts the process that cleans up after a sandbox: when told to, and also when this process is gone, for then its
 * standard input ends.
 * @param id the sandbox's id.
 * @param folders what to remove at the end.
 */
export function startReaper(id: string, folders: readonly string[]): Reaper {
  const child = startScript(REAPER_SCRIPT, [`${id}/`, ...folders], "pipe");
  const ended = exitOf(child);
  // What goes wrong is told to whoever waits for the end.
  ended.catch(() => undefined);
  child.stdin?.on("error", () => undefined);
  child.unref();
  unrefStream(child.stdin);
  return {
    async reap() {
      child.ref();
      child.stdin?.end();
      await ended;
    },
  };
}

/** Ends every process of one host. Its marker's value is `<sandbox id>/<host name>`. */
export async function endHostProcesses(marker: string): Promise<void> {
  await exitOf(startScript(END_SCRIPT, [`${marker.replaceAll(".", "[.]")}$`], "ignore"));
}

function startScript(script: string, args: readonly string[], stdin: "pipe" | "ignore"): ChildProcess {
  return spawn("/bin/sh", ["-c", script, "skep-sandbox-reaper", ...args], {
    // A session of its own: Ctrl-C in the terminal is not for it.
    detached: true,
    cwd: "/",
    env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin:/run/current-system/sw/bin", LC_ALL: "C" },
    stdio: [stdin, "ignore", "ignore"],
  });
}

function exitOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => {
      resolve();
    });
  });
}

/** The end of a pipe to a child is a socket, which keeps the event loop alive. */
function unrefStream(stream: object | null): void {
  if (stream instanceof Socket) stream.unref();
}
