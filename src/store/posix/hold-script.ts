import { STORE_FUNCTIONS } from "./store-functions.ts";

/**
 * Runs for as long as a copy lasts: answers which paths are valid, and keeps all it was asked about from the garbage
 * collector until its input ends, however that comes.
 *
 *     hold ROOT      stdin: bases, then `.`; again and again       stdout: `owner <owner>`, then valid bases and `.`
 *
 * A question is written down and answered under the lock, so that no collection lies between the two.
 */
export const HOLD_SCRIPT = `
root=$1
${STORE_FUNCTIONS}
mkdir -p "$store" "$info" "$temproots" || exit 1
cleanup() { trap '' HUP INT PIPE TERM; unlock; rm -f "$temproots/$me" "$temproots/$me,asked"; }
trap cleanup EXIT
trap 'exit 1' HUP INT PIPE TERM
printf 'owner %s\\n' "$me"
swept=
while IFS= read -r base; do
  asked=$temproots/$me,asked
  : >"$asked" || exit 1
  while [ "$base" != . ]; do
    printf '%s\\n' "$base" || exit 1
    IFS= read -r base || exit 1
  done >"$asked"
  lock
  cat "$asked" >>"$temproots/$me" || exit 1
  while IFS= read -r base; do
    if valid "$base"; then printf '%s\\n' "$base"; fi
  done <"$asked"
  unlock
  rm -f "$asked"
  echo .
  [ -n "$swept" ] || sweep
  swept=yes
done
`;
