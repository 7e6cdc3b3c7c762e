import { ROOT_FUNCTIONS } from "./root-functions.ts";
import { STORE_FUNCTIONS } from "./store-functions.ts";

/**
 * Prints a store's state: `nix` and nothing more when it belongs to Nix; else the roots, `stored <name>` for what lies
 * in the store, `infos`, and all info files one behind the other.
 *
 *     read ROOT PROFILE
 */
export const READ_STORE_SCRIPT = `
root=$1 profile=$2
${STORE_FUNCTIONS}${ROOT_FUNCTIONS}
if [ -e "$root/nix/var/nix/db/db.sqlite" ]; then echo nix; exit 0; fi
[ -d "$info" ] || { echo infos; exit 0; }
roots
ls "$store" | sed 's/^/stored /'
echo infos
find "$info" -type f -exec cat {} +
`;

/**
 * Carries out a plan, if it is safe as things stand now: prints `collected`, or `changed` and nothing was done.
 *
 *     collect ROOT PROFILE     stdin: `generation <number>`, `path <base>` referrers first, `info <base>`, then `.`
 *
 * Safe is what leaves every root and every reference of what stays in place. That is looked at under the lock, whatever
 * the plan was made from. Paths then leave the store by one rename each, their infos after them, and only what has left
 * is deleted: a collection that is killed leaves a store with some paths less, and what it had set aside is swept later.
 */
export const COLLECT_SCRIPT = `
root=$1 profile=$2
${STORE_FUNCTIONS}${ROOT_FUNCTIONS}
aside=$store/.skep-$me
cleanup() {
  trap '' HUP INT PIPE TERM
  unlock
  cd /
  for left in "$aside" "$aside",*; do remove "$left"; done
}
trap cleanup EXIT
trap 'exit 1' HUP INT PIPE TERM
sweep
mkdir "$aside" && cd "$aside" && mkdir gone && : >generation && : >path && : >info || exit 1
while read -r kind name && [ "$kind" != . ]; do
  case $kind in generation | path | info) printf '%s\\n' "$name" >>"$kind" || exit 1 ;; esac
done
[ "$kind" = . ] || fail 'the plan ended early'
bulk=
if moves_folders "$aside"; then bulk=yes; fi

lock
roots >roots || exit 1
awk '
  FILENAME == "generation" { going[$1]; next }
  FILENAME == "path" { dead[$1]; next }
  $1 == "current" { if ($2 in going) exit 1; next }
  $1 == "generation" && $2 in going { next }
  $NF in dead { exit 1 }
' generation path roots || { echo changed; exit 0; }
find "$info" -type f -exec cat {} + >infos
awk '
  FILENAME != "infos" { dead[$1]; next }
  $1 == "StorePath:" { sub(".*/", "", $2); stays = !($2 in dead) }
  $1 == "References:" && stays { for (at = 2; at <= NF; at++) if ($at in dead) exit 1 }
' path info infos || { echo changed; exit 0; }

while read -r number; do rm -f "$root$profile-$number-link" || exit 1; done <generation
if [ -n "$bulk" ]; then
  if [ -s path ]; then (cd "$store" && move_all "$aside/gone") <path || exit 1; fi
else
  count=0
  while read -r base; do
    count=$((count + 1))
    mv -f "$store/$base" "$aside,$count" || exit 1
  done <path
fi
# A copy may have brought since then what was not there when the plan was made.
cat path info | while read -r base; do
  there "$base" || printf '%s\\n' "$base"
done | (cd "$info" && xargs rm -f) || exit 1
unlock
echo collected
`;
