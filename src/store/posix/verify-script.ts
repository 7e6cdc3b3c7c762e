import { encodeWords, NAR_MAGIC } from "../nar/grammar.ts";
import { STORE_FUNCTIONS } from "./store-functions.ts";

/** Bytes as the format of a shell's printf. */
function printed(...words: string[]): string {
  return Array.from(encodeWords(...words), (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}

/** The bytes that sort before a dot. */
const BEFORE_DOT = Array.from({ length: 0x2d }, (_, at) => `\\${(at + 1).toString(8).padStart(3, "0")}`).join("");

/**
 * Hashes store objects where they are, with nothing but a shell and sha256sum, as the NARs they are.
 *
 *     verify ROOT     stdin: bases, then `.`
 *                     stdout: `nar <base> <sha256 in hex>`, `mode <base> <mode> <file>`
 *
 * The entries of a folder come sorted by their bytes: a pattern's matches are sorted so, but names with a dot in front
 * match other patterns than the rest, so there are five, which follow each other in that order.
 */
export const VERIFY_SCRIPT = `
root=$1
${STORE_FUNCTIONS}
below=$(printf '${BEFORE_DOT}')

# u64 NUMBER: its eight bytes, the lowest first
u64() {
  number=$1 bytes=
  for _ in 1 2 3 4 5 6 7 8; do
    bytes=$bytes\\\\$((number >> 6 & 3))$((number >> 3 & 7))$((number & 7))
    number=$((number >> 8))
  done
  printf "$bytes"
}

# pad LENGTH: zero bytes up to a multiple of eight
pad() {
  case $(($1 % 8)) in
    1) printf '\\0\\0\\0\\0\\0\\0\\0' ;;
    2) printf '\\0\\0\\0\\0\\0\\0' ;;
    3) printf '\\0\\0\\0\\0\\0' ;;
    4) printf '\\0\\0\\0\\0' ;;
    5) printf '\\0\\0\\0' ;;
    6) printf '\\0\\0' ;;
    7) printf '\\0' ;;
  esac
}

text() {
  u64 "\${#1}"
  printf '%s' "$1"
  pad "\${#1}"
}

# object PATH [SIZE]
object() {
  if [ -L "$1" ]; then
    target=$(readlink "$1" && echo .)
    printf '${printed("(", "type", "symlink", "target")}'
    text "\${target%??}"
  elif [ -d "$1" ]; then
    printf '${printed("(", "type", "directory")}'
    entries "$1"
  else
    set -- "$1" "\${2:-$(stat -c %s "$1")}"
    if [ -x "$1" ]; then
      printf '${printed("(", "type", "regular", "executable", "", "contents")}'
    else
      printf '${printed("(", "type", "regular", "contents")}'
    fi
    u64 "$2"
    if [ "$2" -gt 0 ]; then cat "$1"; fi
    pad "$2"
  fi
  printf '${printed(")")}'
}

# The patterns below hold blanks, so nothing is split but what is known to be numbers, a line each.
newline='
'
IFS=

# entries FOLDER: the sizes are asked for at once, and used up one by one
entries() {
  folder=$1
  sizes=$(stat -c %s "$folder"/[$below]* "$folder"/.[$below]* "$folder"/..?* "$folder"/.[!.$below]* \\
    "$folder"/[!.$below]* 2>/dev/null)
  IFS=$newline
  set -- $sizes
  IFS=
  for entry in "$folder"/[$below]* "$folder"/.[$below]* "$folder"/..?* "$folder"/.[!.$below]* "$folder"/[!.$below]*; do
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    printf '${printed("entry", "(", "name")}'
    text "\${entry##*/}"
    printf '${printed("node")}'
    object "$entry" "\${1-}"
    printf '${printed(")")}'
    [ $# -eq 0 ] || shift
  done
}

nar() {
  printf '${printed(NAR_MAGIC)}'
  object "$1"
}

cd "$store" || exit 1
while IFS= read -r base && [ "$base" != . ]; do
  there "$base" || continue
  hash=$(nar "$base" 2>/dev/null | sha256sum)
  printf 'nar %s %s\\n' "$base" "\${hash%% *}"
  find "$base" \\( -type d ! -perm 555 -o -type f ! -perm 444 ! -perm 555 -o ! -type d ! -type f ! -type l \\) \\
    -exec stat -c "mode $base %a %n" {} +
done
`;
