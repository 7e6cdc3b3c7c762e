import { STORE_FUNCTIONS } from "./store-functions.ts";

/**
 * Tells what a store has, and changes nothing.
 *
 *     read ROOT TOPLEVEL|''      stdin: bases, then `.`
 *
 * Prints `valid <base>` for each of them that is valid; then `path <base> <NAR size>` for each path that the toplevel
 * reaches, `unknown <base>` for one whose info is not there, and at last `complete`.
 */
export const READ_SCRIPT = `
root=$1 toplevel=$2
${STORE_FUNCTIONS}
while IFS= read -r base && [ "$base" != . ]; do
  if valid "$base"; then printf 'valid %s\\n' "$base"; fi
done
if [ -n "$toplevel" ] && valid "$toplevel"; then
  find "$info" -type f -exec cat {} + | awk -v toplevel="$toplevel" '
    $1 == "StorePath:" { base = $2; sub(".*/", "", base) }
    $1 == "NarSize:" { size[base] = $2 }
    $1 == "References:" { $1 = ""; references[base] = $0 }
    END {
      seen[toplevel]
      queue[last = 1] = toplevel
      for (at = 1; at <= last; at++) {
        base = queue[at]
        if (!(base in size)) { print "unknown " base; continue }
        print "path " base " " size[base]
        count = split(references[base], names, " ")
        for (one = 1; one <= count; one++) if (!(names[one] in seen)) { seen[names[one]]; queue[++last] = names[one] }
      }
    }
  '
fi
echo complete
`;
