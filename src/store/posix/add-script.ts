import { STORE_FUNCTIONS } from "./store-functions.ts";

/**
 * Takes the archive that sendPaths writes, on standard input, and makes its paths valid, references first.
 *
 *     add ROOT HOLDER none|gzip|zstd
 *
 * Nothing is visible before the whole archive has come, was unpacked and has been found to be what was sent. It then
 * goes to disk, the infos move to where they belong, and each path appears by one rename. A path that has become valid
 * meanwhile is left as it is; what lies in a path's place without an info is nothing we know of, and makes room.
 */
export const ADD_SCRIPT = `
root=$1 holder=$2 compression=$3
${STORE_FUNCTIONS}
stage=$store/.skep-$me
cleanup() { trap '' HUP INT PIPE TERM; unlock; cd /; remove "$stage"; remove "$stage,next"; }
trap cleanup EXIT
trap 'exit 1' HUP INT PIPE TERM
sweep
mkdir "$stage" && cd "$stage" && mkdir p i || exit 1
case $compression in
  gzip) gzip -dc | tar xf - ;;
  zstd) zstd -dcq | tar xf - ;;
  *) tar xf - ;;
esac || fail "tar ended with exit code $?"
[ -f complete ] || fail 'the archive ended early'

TZ=UTC0
export TZ
read -r _ _ _ links _ <complete
if [ "$links" -gt 0 ]; then find p -type l -exec touch -h -m -t 197001010000.01 {} + 2>/dev/null; fi
find p -type d -exec touch -m -t 197001010000.01 {} + -exec chmod 555 {} + || exit 1

# plain files, executables, folders, links, others or of another time, bytes
found=$(find p -exec stat -c '%f %s %Y' {} + | awk '
  { count[$1 == "a1ff" || $3 == 1 ? $1 : "other"]++ }
  $1 != "416d" { bytes += $2 }
  END {
    known = count["8124"] + count["816d"] + count["416d"] + count["a1ff"]
    printf "%d %d %d %d %d %.0f\\n", count["8124"], count["816d"], count["416d"], count["a1ff"], NR - known, bytes
  }')
wanted=$(cat complete)
[ "$found" = "$wanted" ] || fail "unpacking gave other files than were sent: $found instead of $wanted"

chmod 755 p || exit 1
sync -f . 2>/dev/null || sync
bulk=
if moves_folders "$stage"; then bulk=yes; fi

lock
alive "$holder" && [ -f "$temproots/$holder" ] || fail 'what protects these paths from the garbage collector ended'
while IFS= read -r base; do
  valid "$base" || fail "$base is referred to and is not valid"
done <outside
while IFS= read -r base; do
  valid "$base" && continue
  if there "$base"; then
    remove "$stage,next"
    mv -f "$store/$base" "$stage,next" && remove "$stage,next" || exit 1
  fi
  printf '%s\\n' "$base" || exit 1
done <order >new
if [ -s new ]; then
  (cd i && move_all "$info") <new || exit 1
  if [ -n "$bulk" ]; then
    (cd p && move_all "$store") <new || exit 1
  else
    while IFS= read -r base; do
      if [ -L "p/$base" ] || [ ! -d "p/$base" ]; then mv -f "p/$base" "$store/" || exit 1; continue; fi
      chmod 755 "p/$base" && mv -f "p/$base" "$stage,next" && chmod 555 "$stage,next" || exit 1
      mv -f "$stage,next" "$store/$base" || exit 1
    done <new
  fi
fi
unlock
`;
