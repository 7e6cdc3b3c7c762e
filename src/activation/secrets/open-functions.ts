import { secretsLayout } from "./secrets-layout.ts";

/**
 * Opening secrets on a host, for scripts that begin with the PRELUDE. Beside `age` itself, no program is started for each
 * secret: there may be a thousand.
 *
 * - `mount_secrets`: the tmpfs is there, and proven to be one
 * - `find_age TOPLEVEL`: sets `age` to the host's `age` or `rage`, or the system's own
 * - `open_secrets FOLDER`: opens what FOLDER/manifest names into FOLDER/files, where what the operator opened is already;
 *   a line in FOLDER/problems for each that cannot be, in FOLDER/waiting for each that only the operator opens
 * - `own_secrets FOLDER MANIFEST`: gives the files below FOLDER their modes and, as far as these exist, owners
 * - `changed_secrets OLD NEW`: the names of files whose content, owner, group or mode in folder NEW is not as in OLD
 * - `keep_generation FOLDER TOPLEVEL`: makes FOLDER/files the next generation, whose number is then in `generation`
 * - `use_generation NUMBER`: makes it the one in use, in one rename; also links the secrets' own paths to it
 */
export const OPEN_FUNCTIONS = `
tab=$(printf '\\t')
run_secrets=$root${secretsLayout.generations}
secrets_link=$root${secretsLayout.link}
kept_secrets=$root${secretsLayout.kept}

in_memory() {
  case $(stat -f -c %T "$1" 2>/dev/null) in tmpfs | ramfs) return 0 ;; esac
  return 1
}
is_mounted() {
  while read -r _ place _; do [ "$place" = "$1" ] && return 0; done </proc/mounts
  return 1
}
# Memory that is never swapped: a tmpfs that says so (since Linux 6.4), else a ramfs where there is swap at all.
mount_secrets() {
  (umask 022 && mkdir -p "\${run_secrets%/*}" && mkdir -p "$run_secrets") || return 1
  if [ -z "$root" ] && ! is_mounted "$run_secrets"; then
    flags=nodev,nosuid,noexec,mode=0751
    mount -t tmpfs -o "$flags,noswap" skep-secrets "$run_secrets" 2>/dev/null ||
      { [ "$(wc -l </proc/swaps)" -gt 1 ] && mount -t ramfs -o "$flags" skep-secrets "$run_secrets" 2>/dev/null; } ||
      mount -t tmpfs -o "$flags" skep-secrets "$run_secrets" || return 1
  fi
  chmod 0755 "\${run_secrets%/*}"
  in_memory "$run_secrets/"
}

find_age() {
  PATH=$PATH:$root$1/sw/bin:$root$1/packages/age/bin
  age=$(command -v age || command -v rage)
}

# secrets_of MANIFEST FIELDS: as cut counts them
secrets_of() { grep "^secret$tab" "$1" | cut -f "$2"; }

# problem CODE SUBJECT DETAIL
problem() { printf 'problem\\t%s\\t%s\\t%s\\n' "$1" "$2" "$3" >>"$folder/problems"; }

open_secrets() {
  folder=$1
  : >"$folder/problems" && : >"$folder/waiting" || return 1
  (umask 026 && mkdir -p "$folder/files") || return 1
  secrets_of "$folder/manifest" 2-4 >"$folder/names"
  grep "\${tab}operator$tab" "$folder/names" | while IFS=$tab read -r _ _ name; do
    [ -e "$folder/files/$name" ] || printf 'waiting\\t%s\\n' "$name"
  done >"$folder/waiting"
  grep -q "\${tab}host$tab" "$folder/names" || return 0
  set --
  while IFS=$tab read -r what path _; do
    if [ "$what" = identity ] && [ -f "$root$path" ]; then set -- "$@" -i "$root$path"; fi
  done <"$folder/manifest"
  if [ -z "$age" ]; then problem no-age - "neither age nor rage is on its PATH"; fi
  if [ $# -eq 0 ]; then problem no-identity - "none of its identity files is there"; fi
  [ ! -s "$folder/problems" ] || return 0
  count=0
  while IFS=$tab read -r number open name; do
    [ "$open" = host ] || continue
    open_secret "$@" &
    count=$((count + 1))
    [ $((count % 8)) -ne 0 ] || wait
  done <"$folder/names"
  wait
  cat "$folder"/problem.* >>"$folder/problems" 2>/dev/null
  # Whoever was killed says nothing, and what age was writing then may be half of it.
  while IFS=$tab read -r number open name; do
    [ "$open" != host ] || [ -e "$folder/opened.$number" ] || [ -e "$folder/problem.$number" ] ||
      problem cannot-open "$name" "the process that opened it was killed"
  done <"$folder/names"
  return 0
}
# What the programs of one secret print is kept apart from the others'.
open_secret() {
  file=$folder/files/$name
  [ -d "\${file%/*}" ] || (umask 026 && mkdir -p "\${file%/*}")
  umask 077
  if "$age" -d "$@" -o "$file" "$folder/$number.age" </dev/null >"$folder/said.$number" 2>&1; then
    # age makes no file of nothing.
    [ -e "$file" ] || : >"$file"
    : >"$folder/opened.$number"
    return
  fi
  rm -f "$file"
  said=$(grep -v '^$' "$folder/said.$number" | head -n 1 | tr '\\t' ' ')
  printf 'problem\\tcannot-open\\t%s\\t%s\\n' "$name" "\${said#age: error: }" >"$folder/problem.$number"
}

own_secrets() {
  failed_owner=
  accounts=$(secrets_of "$2" 5-7 | sort -u)
  while IFS=$tab read -r mode owner group; do
    [ -n "$mode" ] || continue
    names=$(
      sed -n "s/^secret$tab[0-9]*$tab[a-z]*$tab\\([^$tab]*\\)$tab$mode$tab$owner$tab$group$tab.*/\\1/p" "$2" |
        while read -r name; do [ ! -f "$1/$name" ] || echo "./$name"; done
    )
    [ -n "$names" ] || continue
    echo "$names" | (cd "$1" && xargs chmod "$mode") || failed_owner=$names
    # They are made by root.
    case $owner:$group in root:- | root:root | 0:- | 0:0) continue ;; esac
    if [ "$group" = - ]; then
      echo "$names" | (cd "$1" && { xargs chown "$owner:" 2>/dev/null || echo "$names" | xargs chown "$owner" 2>/dev/null; })
    else
      echo "$names" | (cd "$1" && xargs chown "$owner:$group" 2>/dev/null)
    fi || failed_owner=$names
  done <<SKEP_ACCOUNTS
$accounts
SKEP_ACCOUNTS
  [ -z "$failed_owner" ]
}

secrets_listing() {
  [ ! -d "$1" ] || (cd "$1" && find . -type f -exec stat -c '%u:%g:%a %n' {} + && find . -type f -exec sha256sum {} +)
}
changed_secrets() {
  (
    umask 077
    old=$run_secrets/.listing.$$
    secrets_listing "$1" >"$old"
    secrets_listing "$2" | grep -v -x -F -f "$old" | sed 's/^[^ ]* *\\.\\///' | sort -u
    rm -f "$old"
  )
}

keep_generation() {
  generation=0
  for there in "$run_secrets"/*.manifest; do
    there=\${there##*/}; there=\${there%.manifest}
    case $there in *[!0-9]*) ;; *) [ "$there" -le "$generation" ] || generation=$there ;; esac
  done
  generation=$((generation + 1))
  { cat "$1/manifest"; printf 'system\\t%s\\n' "$2"; cat "$1/waiting"; } >"$run_secrets/$generation.manifest" &&
    mv "$1/files" "$run_secrets/$generation"
}

# paths_in MANIFEST: name and path of each secret that has one
paths_in() { [ ! -f "$1" ] || secrets_of "$1" 4,8 | grep "$tab/"; }

use_generation() {
  paths_before=$(paths_in "$run_secrets/$(current_generation).manifest")
  if [ "$1" = none ]; then rm -f "$secrets_link"; else replace_link "secrets.d/$1" "$secrets_link" || return 1; fi
  paths_now=$(paths_in "$run_secrets/$1.manifest")
  [ -n "$paths_before$paths_now" ] || return 0
  printf '%s\\n' "$paths_before" | while IFS=$tab read -r name path; do
    case "
$paths_now
" in *"
$name$tab$path
"*) continue ;; esac
    [ "$(readlink "$root$path")" != "${secretsLayout.link}/$name" ] || rm -f "$root$path"
  done
  printf '%s\\n' "$paths_now" | while IFS=$tab read -r name path; do
    [ -n "$name" ] || continue
    [ "$(readlink "$root$path")" = "${secretsLayout.link}/$name" ] && continue
    mkdir -p "$root\${path%/*}" && replace_link "${secretsLayout.link}/$name" "$root$path" || exit 1
  done
}

# current_generation: its number, or none
current_generation() {
  current=$(readlink "$secrets_link")
  if [ -n "$current" ]; then echo "\${current##*/}"; else echo none; fi
}
`;
