import type { CommandRunner } from "#core";
import type { HostStoreOptions } from "./collect-garbage.ts";
import { runHostScript } from "./script-channel.ts";
import { STORE_FUNCTIONS } from "./store-functions.ts";

/**
 * Tells the Nix of a host that got one later of every path skep had put there, so that it takes them for its own. It
 * keeps no signatures and content addresses that way; hashes, references and derivers it does.
 * @returns how many paths were registered.
 * @throws StoreError `store/no-tools` when there is no nix-store, `store/host-script`.
 */
export async function registerWithNix(
  runner: CommandRunner,
  { root = "", signal }: HostStoreOptions = {},
): Promise<number> {
  const [count] = await runHostScript(runner, {
    script: REGISTER_SCRIPT,
    args: [root],
    attempt: "registering the host's store paths with Nix",
    signal,
  });
  return Number(count);
}

// The format of `nix-store --load-db`: path, hash, size, deriver or nothing, the number of references, and these.
export const REGISTER_SCRIPT = `
root=$1
${STORE_FUNCTIONS}
PATH=/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin:$PATH
trap unlock EXIT
trap 'exit 1' HUP INT PIPE TERM
[ -d "$info" ] || { echo 0; exit 0; }
lock
count=$(
  for file in "$info"/*; do
    if there "\${file##*/}"; then printf '%s\\n' "\${file##*/}"; fi
  done | tee "$temproots/$me,registered" | wc -l
)
(cd "$info" && xargs cat) <"$temproots/$me,registered" | awk '
  function finish() {
    if (path == "") return
    print path "\\n" hash "\\n" size "\\n" deriver "\\n" count
    for (at = 1; at <= count; at++) print "/nix/store/" references[at]
  }
  $1 == "StorePath:" { finish(); path = $2; deriver = ""; count = 0 }
  $1 == "NarHash:" { hash = $2; sub("sha256:", "", hash) }
  $1 == "NarSize:" { size = $2 }
  $1 == "Deriver:" { deriver = "/nix/store/" $2 }
  $1 == "References:" { count = NF - 1; for (at = 1; at <= count; at++) references[at] = $(at + 1) }
  END { finish() }
' >"$temproots/$me,db" || exit 1
set --
if [ -n "$root" ]; then set -- --store "$root"; fi
nix-store "$@" --load-db <"$temproots/$me,db" >&2
status=$?
rm -f "$temproots/$me",*
[ "$status" -eq 0 ] || exit "$status"
echo $((count))
`;
