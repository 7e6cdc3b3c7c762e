import { GENERATION_FUNCTIONS } from "./generation-functions.ts";

/**
 * Prints what a store without Nix must keep, and why, one a line: `<kind> <base>`, `generation <number> <base>`, and
 * `current <number>`. Links are followed as Nix does, and however far they lead. Needs STORE_FUNCTIONS and `profile`.
 */
export const ROOT_FUNCTIONS = `${GENERATION_FUNCTIONS}
# named KIND TARGET: fails when that is no place in the store
named() {
  case $2 in
    /nix/store/?*) base=\${2#/nix/store/} ;;
    "$store"/?*) base=\${2#"$store"/} ;;
    *) return 1 ;;
  esac
  printf '%s %s\\n' "$1" "\${base%%/*}"
}

# follow KIND LINK
follow() {
  link=$2 hops=0
  while [ -L "$link" ] && [ "$hops" -lt 16 ]; do
    hops=$((hops + 1))
    target=$(readlink "$link" && echo .)
    target=\${target%??}
    if named "$1" "$target"; then return; fi
    case $target in
      /*) if [ -e "$root$target" ] || [ -L "$root$target" ]; then link=$root$target; else link=$target; fi ;;
      *) link=\${link%/*}/$target ;;
    esac
  done
  named "$1" "$(readlink -f "$2")" || true
}

# walk KIND FOLDER: every link below it; a plain file is a root by its name
walk() {
  for entry in "$2"/* "$2"/.[!.]* "$2"/..?*; do
    if [ -L "$entry" ]; then
      case $entry in "$root$profile" | "$root$profile"-*-link) ;; *) follow "$1" "$entry" ;; esac
    elif [ -d "$entry" ]; then
      walk "$1" "$entry"
    elif [ -f "$entry" ] && there "\${entry##*/}"; then
      printf '%s %s\\n' "$1" "\${entry##*/}"
    fi
  done
}

generations() {
  for number in $(generations_of "$root$profile"); do
    follow "generation $number" "$root$profile-$number-link"
  done
  number=$(readlink "$root$profile" 2>/dev/null)
  number=\${number%-link}
  if [ -n "$number" ]; then printf 'current %s\\n' "\${number##*-}"; fi
}

# What running processes execute, have open, mapped, as their folder or in their environment.
processes() {
  {
    ls -l /proc/[0-9]*/exe /proc/[0-9]*/cwd /proc/[0-9]*/fd
    cat /proc/[0-9]*/maps
    cat /proc/[0-9]*/environ | tr '\\000' '\\n'
  } 2>/dev/null | prefix=$store/ awk '
    BEGIN { prefix = ENVIRON["prefix"] }
    {
      for (at = index($0, prefix); at > 0; at = index($0, prefix)) {
        $0 = substr($0, at + length(prefix))
        if (match($0, /^[0-9a-z]+-[-0-9A-Za-z+._?=]+/)) seen[substr($0, 1, RLENGTH)]
      }
    }
    END { for (base in seen) print "process " base }'
}

roots() {
  generations
  follow running "$root/run/current-system"
  follow booted "$root/run/booted-system"
  walk gcroot "$root/nix/var/nix/gcroots"
  walk profile "$root/nix/var/nix/profiles"
  for held in "$temproots"/*; do
    owner=\${held##*/}
    if alive "\${owner%%,*}"; then sed 's/^/temp /' "$held"; fi
  done
  processes
}
`;
